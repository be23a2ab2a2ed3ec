"""Functions' logs in moto's CloudWatch Logs, for groups that already exist."""

from __future__ import annotations

import queue
import threading
from typing import Any, Self

from moto.logs.models import logs_backends

from infra.local.logs import LogLine
from infra.local.server import LocalLambda


class LogDelivery:
    """Writes functions' lines to their groups, while entered.

    It uses a thread: a group's subscription invokes a function, and the emulator cannot wait for
    it.
    """

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[tuple[Any, LogLine] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="lambake-logs", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Write the remaining lines, and end."""
        self._lines.put(None)
        self._thread.join()

    def follow(self, local: LocalLambda, function: Any) -> None:
        """Write each line of one of moto's functions from now on."""
        local.listen(lambda line: self._lines.put((function, line)))

    def _write(self) -> None:
        while (item := self._lines.get()) is not None:
            function, line = item
            groups = logs_backends[function.account_id][function.region].groups
            group = groups.get(f"/aws/lambda/{function.function_name}")
            if group is None:
                continue
            if line.stream not in group.streams:
                group.create_log_stream(line.stream)
            # The runtime client joins the lines of an error by CR where it writes to a pipe; the
            # service's events have LF, and end in one: docs/contract.md 6.4 [REC].
            message = line.text.replace("\r", "\n") + "\n"
            event = {"timestamp": int(line.time_s * 1000), "message": message}
            group.put_log_events(line.stream, [event])
