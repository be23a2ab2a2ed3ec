"""
python -m infra COMMAND: parse the arguments, and hand them to the command. Nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    Returns:
        Its exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m infra", description="Run the function, here or in the cloud."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    options = parser.parse_args(arguments)
    command: Command = options.command
    return command(options)


Adder = Callable[["argparse._SubParsersAction[argparse.ArgumentParser]"], None]


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("run", help="run the function on this machine, as Lambda would")
    parser.add_argument("--port", type=int, default=8080, help="of the HTTP front (8080)")
    parser.add_argument("--invoke-port", type=int, default=9001, help="of the Invoke API (9001)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="whom to listen to; anything else lets others in"
    )
    parser.add_argument(
        "--function", type=Path, help="the function's settings (infra/function.yaml)"
    )
    parser.add_argument("--handler", help="run another function: module.name of its handler")
    parser.add_argument("--root", type=Path, help="the folder of its code (the current one)")
    parser.add_argument("--front", help="which HTTP front to imitate (http_api)")
    parser.add_argument("--no-sample", action="store_true", help="send no sample request")
    parser.add_argument("--sample-path", help="where to post the sample, e.g. /models/m/predict")
    parser.add_argument("--sample-file", type=Path, help="what to post there")
    parser.add_argument("--once", action="store_true", help="stop after the sample")
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from infra.local.commands.run import RunOptions, run

    return run(
        RunOptions(
            port=options.port,
            invoke_port=options.invoke_port,
            host=options.host,
            function=options.function,
            handler=options.handler,
            root=options.root,
            front=options.front,
            sample=not options.no_sample,
            sample_path=options.sample_path,
            sample_file=options.sample_file,
            once=options.once,
        )
    )


def _add_invoke(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("invoke", help="invoke a function that runs on this machine")
    parser.add_argument("payload", nargs="?", default="{}", help="JSON, or - to read stdin ({})")
    parser.add_argument("--name", help="of the function (from infra/function.yaml)")
    parser.add_argument("--url", default="http://127.0.0.1:9001", help="of the Invoke API")
    parser.add_argument("--event", action="store_true", help="asynchronously")
    parser.add_argument("--tail", action="store_true", help="show the end of its log too")
    parser.set_defaults(command=_invoke)


def _invoke(options: argparse.Namespace) -> int:
    from infra.local.commands.invoke import InvokeOptions, invoke

    return invoke(
        InvokeOptions(
            payload=options.payload,
            name=options.name,
            url=options.url,
            asynchronous=options.event,
            tail=options.tail,
        )
    )


def _add_cloud(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "cloud", help="run a simulated cloud (moto) in which the function's image really runs"
    )
    parser.add_argument("--port", type=int, default=5000, help="of the cloud's endpoint (5000)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="whom to listen to; anything else lets others in"
    )
    parser.add_argument(
        "--function", type=Path, help="the function's settings (infra/function.yaml)"
    )
    parser.set_defaults(command=_cloud)


def _cloud(options: argparse.Namespace) -> int:
    from infra.local.commands.cloud import CloudOptions, cloud

    return cloud(CloudOptions(port=options.port, host=options.host, function=options.function))


COMMANDS: tuple[Adder, ...] = (_add_run, _add_invoke, _add_cloud)

if __name__ == "__main__":
    sys.exit(main())
