"""`lambake COMMAND`: parse the arguments, and hand them to the command. Nothing else."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.cli.arguments import (
    Commands,
    add_command,
    address,
    endpoint,
    host_and_port,
    minutes,
    port,
)

Command = Callable[[argparse.Namespace], int]

INTERRUPTED = 130

# A module of ours or of Python's that is missing is a defect, not a package to set up.
_NO_PACKAGES = {"infra", "function", "model", "tests", *sys.stdlib_module_names}


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    Returns:
        Its exit status; 2 and a message where a package is missing that it needs, 130 after
        Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="lambake", description="Run the function, here or in the cloud."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    options = parser.parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except ModuleNotFoundError as error:
        package = (error.name or "infra").partition(".")[0]
        if package in _NO_PACKAGES:
            raise
        sys.stderr.write(
            f"{options.parser.prog}: expected the package {package} to be set up, it is not: "
            f"make .venv/.{options.needs}\n"
        )
        return 2
    except KeyboardInterrupt:  # while it is still being loaded; each command has its own words
        sys.stderr.write("\n")
        return INTERRUPTED


Adder = Callable[[Commands], None]


def _add_run(commands: Commands) -> None:
    parser = add_command(
        commands, "run", "run the function on this machine, as Lambda would", needs="run",
        example="--handler app.handler --root ../theirs",
    )  # fmt: skip
    parser.add_argument("--port", type=port, default=8080, help="of the HTTP front (8080)")
    parser.add_argument("--invoke-port", type=port, default=9001, help="of the Invoke API (9001)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="whom to listen to; anything else lets others in"
    )
    parser.add_argument(
        "--function", type=Path, help="the function's settings (infra/function.yaml)"
    )
    parser.add_argument("--handler", help="run another function: module.name of its handler")
    parser.add_argument("--root", type=Path, help="the folder of its code (the current one)")
    parser.add_argument("--image", help="run a container image, with docker or podman")
    parser.add_argument("--front", help="which HTTP front to imitate (http_api)")
    parser.add_argument("--no-sample", action="store_true", help="send no sample request")
    parser.add_argument("--sample-path", help="where to post the sample, e.g. /models/m/predict")
    parser.add_argument("--sample-file", type=Path, help="what to post there")
    parser.add_argument("--once", action="store_true", help="stop after the sample")
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from infra.cli.run import RunOptions, run

    return run(
        RunOptions(
            port=options.port,
            invoke_port=options.invoke_port,
            host=options.host,
            function=options.function,
            handler=options.handler,
            root=options.root,
            image=options.image,
            front=options.front,
            sample=not options.no_sample,
            sample_path=options.sample_path,
            sample_file=options.sample_file,
            once=options.once,
        )
    )


def _add_invoke(commands: Commands) -> None:
    parser = add_command(
        commands, "invoke", "invoke a function, here or in the cloud", needs="image",
        example="""'{"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]}' --stage dev""",
    )  # fmt: skip
    parser.add_argument("payload", nargs="?", default="{}", help="JSON, or - to read stdin ({})")
    parser.add_argument("--name", help="of the local function (from the settings)")
    parser.add_argument(
        "--url", type=address, help="of the local Invoke API (http://127.0.0.1:9001)"
    )
    parser.add_argument("--event", action="store_true", help="asynchronously")
    parser.add_argument("--tail", action="store_true", help="show the end of its log too")
    _add_stage(parser, default=None)
    parser.set_defaults(command=_invoke)


def _invoke(options: argparse.Namespace) -> int:
    if options.stage or options.simulated_cloud:
        if options.name or options.url:
            options.parser.error("--name and --url are the local function's, --stage the cloud's")
        options.stage = options.stage or "dev"
        return _release("invoke", options)
    from infra.cli.invoke import InvokeOptions, invoke

    return invoke(
        InvokeOptions(
            payload=options.payload,
            name=options.name,
            url=options.url or InvokeOptions.url,
            function=options.function,
            asynchronous=options.event,
            tail=options.tail,
        )
    )


def _add_cloud(commands: Commands) -> None:
    parser = add_command(
        commands, "cloud", "run a simulated cloud (moto) in which the function really runs",
        needs="cloud", example="--images",
    )  # fmt: skip
    parser.add_argument("--port", type=port, default=5000, help="of the cloud's endpoint (5000)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="whom to listen to; anything else lets others in"
    )
    parser.add_argument(
        "--function", type=Path, help="the function's settings (infra/function.yaml)"
    )
    parser.add_argument(
        "--empty", action="store_true", help="put nothing into it to try, as --images does"
    )
    parser.add_argument(
        "--images",
        action="store_true",
        help="run what is deployed from its image, with docker or podman, and keep a registry for "
        "them (without: every image stands for this checkout's code)",
    )
    parser.set_defaults(command=_cloud)


def _cloud(options: argparse.Namespace) -> int:
    from infra.cli.cloud import CloudOptions, cloud

    return cloud(
        CloudOptions(
            port=options.port,
            host=options.host,
            function=options.function,
            empty=options.empty,
            images=options.images,
        )
    )


def _add_bulk(commands: Commands) -> None:
    parser = add_command(
        commands, "bulk", "predict every object below a prefix of a bucket", needs="run",
        example="s3://photos/in/digits/ s3://photos/out/",
    )  # fmt: skip
    parser.add_argument("inputs", help="where the objects lie: s3://BUCKET/PREFIX")
    parser.add_argument("results", help="where the results go: s3://BUCKET/PREFIX")
    parser.add_argument("--model", help="(the last folder of the inputs names it)")
    parser.add_argument("--version", help="of the model, or its label (the latest)")
    parser.add_argument("--state-machine", help="ARN or name (NAME-bulk, by infra/function.yaml)")
    parser.add_argument("--name", help="of the run; that of an earlier one looks at it again")
    parser.add_argument("--batch", type=int, default=20, help="objects an invocation (20)")
    parser.add_argument("--concurrency", type=int, default=10, help="invocations at once (10)")
    parser.add_argument(
        "--endpoint-url", type=endpoint, help="of a simulated cloud: http://127.0.0.1:5000"
    )
    parser.add_argument("--region", help="(as the AWS CLI's)")
    parser.set_defaults(command=_bulk)


def _bulk(options: argparse.Namespace) -> int:
    from infra.cli.bulk import BulkOptions, bulk

    return bulk(
        BulkOptions(
            inputs=options.inputs,
            results=options.results,
            model=options.model,
            version=options.version,
            state_machine=options.state_machine,
            name=options.name,
            batch=options.batch,
            concurrency=options.concurrency,
            endpoint_url=options.endpoint_url,
            region=options.region,
        )
    )


def _add_image(commands: Commands) -> None:
    parser = add_command(
        commands, "image", "build the function's image, and look into it", needs="image"
    )
    parser.add_argument("--tag", help="of the image (lambake:VERSION)")
    parser.add_argument("--base", help="the image it is built on (AWS's for Python 3.13)")
    parser.add_argument("--extras", default="", help="locks beside function/requirements.txt")
    parser.add_argument("--platform", help="linux/amd64 or linux/arm64 (this machine's)")
    parser.add_argument("--only-check", action="store_true", help="build nothing")
    parser.add_argument(
        "--cached", action="store_true", help="take steps of earlier builds: faster, another digest"
    )
    parser.add_argument("--no-init", action="store_true", help="do not measure the init")
    parser.set_defaults(command=_image)


def _image(options: argparse.Namespace) -> int:
    from infra.cli.image import ImageOptions, image

    return image(
        ImageOptions(
            root=Path.cwd(),
            tag=options.tag,
            base=options.base,
            extras=tuple(options.extras.split()),
            platform=options.platform,
            only_check=options.only_check,
            cached=options.cached,
            init=not options.no_init,
        )
    )


_RELEASE = {
    "plan": "show what a deployment would change in the cloud",
    "deploy": "build, push, apply, let a canary through, and try it",
    "status": "show what stands in the cloud",
    "logs": "show the log of the function in the cloud",
    "rollback": "give the traffic back to the version before",
    "destroy": "remove all that deploy made",
}

_EXAMPLES = {
    "deploy": "--simulated-cloud http://127.0.0.1:5000 --registry 127.0.0.1:5001",
    "logs": "--stage prod --since 60 --follow",
}


def _add_release(commands: Commands) -> None:
    for name, help_ in _RELEASE.items():
        parser = add_command(commands, name, help_, needs="image", example=_EXAMPLES.get(name, ""))
        _add_stage(parser, default="dev")
        if name in ("deploy", "destroy"):
            parser.add_argument("--yes", action="store_true", help="do not ask")
        if name == "deploy":
            parser.add_argument("--base", help="the image to build on (AWS's Python 3.13)")
            parser.add_argument(
                "--registry",
                type=host_and_port,
                metavar="HOST:PORT",
                help="where a simulated cloud keeps its images",
            )
        if name == "logs":
            parser.add_argument("--hook", action="store_true", help="of the pre-traffic hook")
            parser.add_argument("--since", type=minutes, default=10, help="minutes ago (10)")
            parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
        parser.set_defaults(command=functools.partial(_release, name))


def _add_function(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--function",
        type=Path,
        default=Path("infra/function.yaml"),
        help="the function's settings (infra/function.yaml)",
    )


def _add_stage(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    parser.add_argument(
        "--stage", default=default, help=f"in the cloud: which of several ({default or 'none'})"
    )
    parser.add_argument(
        "--simulated-cloud",
        type=address,
        metavar="URL",
        help="of `lambake cloud`, instead of AWS",
    )
    _add_function(parser)


def _release(name: str, options: argparse.Namespace) -> int:
    from infra.cli import release as command
    from infra.cli.release import ReleaseOptions

    given = vars(options)
    known = ("yes", "registry", "follow", "base", "hook", "payload", "event", "tail")
    asked = {key: given[key] for key in known if given.get(key)}
    if "since" in given:
        asked["since_s"] = given["since"] * 60
    settings = ReleaseOptions(
        function=options.function, stage=options.stage, simulated=options.simulated_cloud, **asked
    )
    return command.run(command.COMMANDS[name], settings)


def _add_demo(commands: Commands) -> None:
    parser = add_command(
        commands, "demo", "play a release on a simulated cloud, without an account", needs="cloud"
    )
    parser.add_argument("--base", help="the image to build on (AWS's Python 3.13)")
    parser.add_argument("--no-containers", action="store_true", help="run the code without images")
    _add_function(parser)
    parser.set_defaults(command=_demo)


def _demo(options: argparse.Namespace) -> int:
    from infra.demo.command import DemoOptions, demo

    return demo(
        DemoOptions(options.function, base=options.base, containers=not options.no_containers)
    )


def _add_manifest(commands: Commands) -> None:
    parser = add_command(
        commands, "manifest", "print what Google Cloud Run or Azure Container Apps runs it by",
        needs="run", example="cloud-run --image europe-west1-docker.pkg.dev/me/lambake/lambake:1",
    )  # fmt: skip
    parser.add_argument("place", choices=("cloud-run", "container-apps"))
    parser.add_argument("--image", required=True, help="where the service finds it; linux/amd64")
    parser.add_argument("--stage", default="dev", help="which of several (dev)")
    parser.add_argument("--public", action="store_true", help="let everybody call it")
    _add_function(parser)
    parser.set_defaults(command=_manifest)


def _manifest(options: argparse.Namespace) -> int:
    from infra.cli.manifest import ManifestOptions, manifest

    return manifest(
        ManifestOptions(
            place=options.place,
            image=options.image,
            stage=options.stage,
            function=options.function,
            public=options.public,
        )
    )


COMMANDS: tuple[Adder, ...] = (
    _add_run,
    _add_invoke,
    _add_cloud,
    _add_bulk,
    _add_image,
    _add_release,
    _add_demo,
    _add_manifest,
)
