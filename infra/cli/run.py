"""`lambake run`: start the emulator, say where it is, show its log until it is stopped."""

from __future__ import annotations

import queue
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

from infra.cli.live_view import plain_view, terminal_view
from infra.cli.sample import send_sample
from infra.local.server import LocalLambda
from infra.settings import FUNCTION_FILE, Sample, Settings, read
from infra.settings.errors import InfraError

DEFAULT_FUNCTION = FUNCTION_FILE
_WIDTH = 76
_QUEUED_TEXTS = 10_000


@dataclass(frozen=True)
class RunOptions:
    """Be what the command line asks for; None means: as the function's settings say."""

    port: int = 8080
    invoke_port: int = 9001
    host: str = "127.0.0.1"
    function: Path | None = None
    handler: str | None = None
    root: Path | None = None
    image: str | None = None
    front: str | None = None
    sample: bool = True
    sample_path: str | None = None
    sample_file: Path | None = None
    once: bool = False
    colour: bool | None = None  # None: if stdout is a terminal


def run(options: RunOptions, out: TextIO | None = None) -> int:
    """
    Run until Ctrl-C or SIGTERM.

    Returns:
        The exit status: 0 when stopped, 1 when a sample asked for with --once failed, 2 when the
        settings or the ports are wrong.
    """
    out = out or sys.stdout
    try:
        config = config_of(options)
        with stop_signals() as stop:
            local = LocalLambda(config, options.port, options.invoke_port, host=options.host)
            colour = out.isatty() if options.colour is None else options.colour
            with Printer(out) as show:
                local.listen((terminal_view if colour else plain_view)(show))
                with local:
                    show(_banner(config, local, colour=colour))
                    succeeded = _sample(config, local, show) if options.sample else True
                    if options.once:
                        return 0 if succeeded else 1
                    stop.wait()
                show("stopped\n")
    except InfraError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


def config_of(options: RunOptions) -> Settings:
    """
    Read the function's settings, and lay the command line's over them.

    Someone else's function (--handler) starts from plain settings, unless --function names a file.
    """
    changes: dict[str, object] = {}
    if options.handler is not None:
        changes["handler"] = options.handler
    if options.root is not None:
        changes["root"] = options.root.resolve()
    if options.image is not None:
        changes["image"] = options.image
    if options.front is not None:
        changes["front"] = options.front
    if options.handler is not None and options.function is None:
        return Settings(handler=options.handler).replace(**changes)
    config = read(options.function or DEFAULT_FUNCTION)
    if options.sample_path is not None and options.sample_file is not None:
        changes["sample"] = Sample(path=options.sample_path, file=options.sample_file)
    return config.replace(**changes)


def _banner(config: Settings, local: LocalLambda, *, colour: bool) -> str:
    bold, dim, end = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if colour else ("", "", "")
    limit = f"up to {config.limit} environments"
    rule = "─" * _WIDTH
    front = config.front.replace("_", " ")
    return (
        f"{dim}{rule}{end}\n"
        f"  {bold}{config.name}{end} on the local Lambda: {config.image or config.handler}\n"
        f"  {config.memory_mb} MB, {config.timeout_s:g} s, {limit}\n\n"
        f"  {bold}{local.url}{end}   HTTP front ({front})\n"
        f"  {bold}{local.invoke_url}{end}   Invoke API\n"
        f'  {dim}boto3.client("lambda", endpoint_url="{local.invoke_url}", ...)'
        f'.invoke(FunctionName="{config.name}"){end}\n\n'
        f"  Stop with Ctrl-C.\n"
        f"{dim}{rule}{end}\n"
    )


def _sample(config: Settings, local: LocalLambda, show: Printer) -> bool:
    sample = config.sample
    if sample is None:
        return True
    show(f"sample: POST {local.url}{sample.path} with {sample.file.name}\n")
    answer = send_sample(local.url, sample)
    show(f"sample: {answer.status}\n{answer.text}\n")
    return answer.status == 200


class Printer:
    """
    Write from several threads, in order, and let none of them wait for a slow reader.

    A terminal that is stopped (Ctrl-S) would otherwise stop the emulator with it.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._texts: queue.Queue[str | None] = queue.Queue(_QUEUED_TEXTS)
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Printer:
        """Start to write."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Write what is left, for as long as somebody reads it."""
        with suppress(queue.Full):
            self._texts.put(None, timeout=1.0)
        self._thread.join(timeout=2.0)

    def __call__(self, text: str) -> None:
        """Write some text soon; drop it if ten thousand others wait."""
        with suppress(queue.Full):
            self._texts.put_nowait(text)

    def _write(self) -> None:
        while (text := self._texts.get()) is not None:
            # A reader that went away is no reason to stop the function.
            with suppress(BrokenPipeError, ValueError):
                self._out.write(text)
                self._out.flush()


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into an event, while the block runs."""
    stop = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {
        number: signal.signal(number, note)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
