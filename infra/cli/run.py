"""`lambake run`: start the emulator, print its addresses, show its log until it is stopped."""

from __future__ import annotations

import os
import queue
import sys
import threading
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from infra import FUNCTION_FILE
from infra.cli.exits import DONE, FAILED, UNUSABLE, stop_signals
from infra.cli.flags import About, UsageError, flag, port_number
from infra.cli.reload import OURS, reload_on_change

if TYPE_CHECKING:
    from infra.local.server import LocalLambda
    from infra.settings import Settings

_WIDTH = 76
_QUEUED_TEXTS = 10_000


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command; None means that the function's settings decide."""

    port: int = flag(8080, "port of the HTTP front (%(default)s)", type=port_number)
    invoke_port: int = flag(
        9001, "port of the Invoke API (%(default)s)", type=port_number, metavar="PORT"
    )
    host: str = flag(
        "127.0.0.1", "address to listen on (%(default)s); any other lets other machines in"
    )
    function: Path | None = flag(None, f"the function's settings ({FUNCTION_FILE})", type=Path)
    handler: str | None = flag(None, "run any other function: its handler, as module.name")
    root: Path | None = flag(None, "the folder of its code (the current one)", type=Path)
    image: str | None = flag(None, "run a container image, with docker or podman")
    front: str | None = flag(
        None,
        "the HTTP front to imitate: http_api, http_api_v1, rest_api, alb, alb_multi or "
        "function_url (as the settings say)",
    )
    no_sample: bool = flag(False, "send no sample request")
    sample_path: str | None = flag(None, "the path to post a sample to, such as /models/m/predict")
    sample_file: Path | None = flag(None, "the file to post there", type=Path)
    once: bool = flag(False, "stop after the sample; exit status 1 if it is not answered 200")
    reload: bool = flag(False, "load changed code and models again, and say what changed")
    open: bool = flag(False, "open the page in a browser")
    verbose: bool = flag(False, "show every line of the log, not one for each request")
    colour: bool | None = None  # None: if stdout is a terminal


ABOUT = About(
    "run the function on this machine, as Lambda would",
    Options, needs="run", failed=UNUSABLE, example="--handler app.handler --root ../theirs",
)  # fmt: skip


def run(options: Options, out: TextIO | None = None) -> int:
    """Run until Ctrl-C or SIGTERM.

    Returns:
        The exit status: FAILED if the sample fails under --once.
    """
    from infra.cli.live_view import TerminalView, VerboseView, plain_view
    from infra.local.server import LocalLambda

    out = out or sys.stdout
    settings = settings_of(options)
    if options.once and (settings.sample is None or options.no_sample):
        raise UsageError("--once sends a sample: name it by --sample-path and --sample-file")
    with stop_signals() as stop:
        local = LocalLambda(settings, options.port, options.invoke_port, host=options.host)
        colour = out.isatty() if options.colour is None else options.colour
        with Printer(out) as show:
            if colour:
                view = (VerboseView if options.verbose else TerminalView)(show)
                local.listen(view.log)
                local.watch(view.front)
            else:
                local.listen(plain_view(show))
            with local:
                show(_banner(settings, local, colour=colour))
                quiet = colour and not options.verbose
                succeeded = options.no_sample or _sample(settings, local, show, quiet=quiet)
                if options.once:
                    return DONE if succeeded else FAILED
                if options.open:
                    webbrowser.open(local.url)
                if options.reload:
                    reload_on_change(lambda: settings_of(options), local, show, stop)
                stop.wait()
            show("stopped\n")
    return DONE


def settings_of(options: Options) -> Settings:
    """Read the function's settings and override them with the command line's.

    Another function (--handler) starts from the defaults, unless --function names a file.
    """
    from infra.settings import Sample, Settings, read

    if (options.sample_path is None) != (options.sample_file is None):
        raise UsageError("--sample-path and --sample-file need each other")
    given: dict[str, Any] = {
        "handler": options.handler,
        "root": options.root.resolve() if options.root else None,
        "image": options.image,
        "front": options.front,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if options.sample_path is not None and options.sample_file is not None:
        changes["sample"] = Sample(path=options.sample_path, file=options.sample_file)
    if options.handler is not None and options.function is None:
        return Settings(handler=options.handler).replace(**changes)
    return read(options.function or FUNCTION_FILE).replace(**changes)


def _banner(settings: Settings, local: LocalLambda, *, colour: bool) -> str:
    bold, dim, end = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if colour else ("", "", "")
    limit = f"up to {settings.limit} environments"
    rule = "─" * _WIDTH
    front = settings.front.replace("_", " ")
    return (
        f"{dim}{rule}{end}\n"
        f"  {bold}{settings.name}{end} on the local Lambda: {settings.image or settings.handler}\n"
        f"  {settings.memory_mb} MB, {settings.timeout_s:g} s, {limit}\n\n"
        f"  {bold}{local.url}{end}   HTTP front ({front})\n"
        f"  {bold}{local.invoke_url}{end}   Invoke API\n"
        f'  {dim}boto3: endpoint_url="{local.invoke_url}", FunctionName="{settings.name}"{end}\n\n'
        f"{_models(settings)}"
        f"{_hint(settings)}"
        f"  Stop with Ctrl-C.\n"
        f"{dim}{rule}{end}\n"
    )


def _models(settings: Settings) -> str:
    """Name the models of our own function, and the folders of its zoo that are none."""
    from infra.image.collect import bundles, strays

    zoo = settings.root / "model" / "zoo"
    if settings.handler != OURS or settings.image or not zoo.is_dir():
        return ""
    served = dict.fromkeys(one.relative_to(zoo).parts[0] for one in bundles(zoo))
    lines = [f"models: {', '.join(served) or 'none'}"]
    lines += [f"not served: model/zoo/{one.name} has no model.toml" for one in strays(zoo)]
    return "".join(f"  {line}\n" for line in lines)


def _hint(settings: Settings) -> str:
    """Say what a process of the same user can read, where there is something to read."""
    if settings.image is not None or "AWS_SECRET_ACCESS_KEY" not in os.environ:
        return ""
    return "  The function gets no AWS keys, but runs as you: it can read yours in /proc.\n"


def _sample(settings: Settings, local: LocalLambda, show: Printer, *, quiet: bool) -> bool:
    from infra.cli.sample import send_sample

    sample = settings.sample
    if sample is None:
        return True
    show(f"sample: POST {local.url}{sample.path} with {sample.file.name}\n")
    status, text = send_sample(local.url, sample)
    if not quiet:  # where the view has shown it in a line
        show(f"sample: {status}\n{text}\n")
    return status == 200


class Printer:
    """Write from several threads in order, without making them wait for a slow reader.

    Otherwise a stopped terminal (Ctrl-S) would stop the emulator too.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._texts: queue.Queue[str | None] = queue.Queue(_QUEUED_TEXTS)
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Printer:
        """Start writing."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Write the rest, as long as there is a reader."""
        with suppress(queue.Full):
            self._texts.put(None, timeout=1.0)
        self._thread.join(timeout=2.0)

    def __call__(self, text: str) -> None:
        """Queue some text; drop it if ten thousand others are waiting."""
        with suppress(queue.Full):
            self._texts.put_nowait(text)

    def _write(self) -> None:
        while (text := self._texts.get()) is not None:
            # A reader that is gone is no reason to stop the function.
            with suppress(BrokenPipeError, ValueError):
                self._out.write(text)
                self._out.flush()
