"""`lambake run --reload`: take up changed code and models."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from infra.local.server import LocalLambda
    from infra.settings import Settings

Stamps = dict[Path, tuple[int, int]]

OURS: Final = "function.entry.handler"
_PAUSE_S: Final = 0.5
_NO_CODE: Final = {"__pycache__", "build", "node_modules", "tests", "docs", "infra"}


def reload_on_change(
    settings_of: Callable[[], Settings],
    local: LocalLambda,
    show: Callable[[str], object],
    stop: threading.Event,
) -> None:
    """Start new environments whenever a file below the function's folder has changed.

    Args:
        settings_of: reads the function's settings.
        local: the emulator; invocations that run end with the old code.
        show: is told what has changed.
        stop: ends it.
    """
    from infra.settings.errors import ConfigError

    taken = stamps_of(local.config.root)
    before = taken
    while not stop.wait(_PAUSE_S):
        now = stamps_of(local.config.root)
        settled, before = now == before, now
        if now == taken or not settled:  # while files are being written, it waits
            continue
        changed = changed_in(taken, now)
        taken = now
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        show(f"reload: {changed[0].relative_to(local.config.root)}{more}\n")
        try:
            local.change(settings_of())
        except ConfigError as error:
            show(f"reload: {error}\n")
            continue
        ask_what_is_loaded(local)


def ask_what_is_loaded(local: LocalLambda) -> None:
    """Have our own function started and asked for its models; the log shows the answer."""
    import http.client
    from urllib.parse import urlsplit

    if local.config.handler != OURS:
        return
    address = urlsplit(local.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        connection.request("GET", "/models")
        connection.getresponse().read()
    except OSError:
        return  # it is being stopped
    finally:
        connection.close()


def changed_in(before: Stamps, now: Stamps) -> list[Path]:
    """List the files that are new, gone or others."""
    every = before.keys() | now.keys()
    return sorted(path for path in every if before.get(path) != now.get(path))


def stamps_of(root: Path) -> Stamps:
    """Return the time and size of every file that a function may read."""
    found: Stamps = {}
    for entry in _files_below(str(root)):
        stat = entry.stat(follow_symlinks=False)
        found[Path(entry.path)] = (stat.st_mtime_ns, stat.st_size)
    return found


def _files_below(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name[0] == "." or entry.name in _NO_CODE:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path)
            else:
                yield entry
