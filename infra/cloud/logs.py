"""Functions' logs in moto's CloudWatch Logs.

A group that is missing is made, if the role allows it. A role without any policy allows it here.
"""

from __future__ import annotations

import queue
import threading
from typing import Any, Self

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import iam_backends
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
            backend = logs_backends[function.account_id][function.region]
            name = f"/aws/lambda/{function.function_name}"
            if name not in backend.groups:
                if not _may_create_group(function, name):
                    continue
                backend.create_log_group(name, {})
            group = backend.groups[name]
            if line.stream not in group.streams:
                group.create_log_stream(line.stream)
            # The runtime client joins the lines of an error by CR where it writes to a pipe; the
            # service's events have LF, and end in one: docs/contract.md 6.4 [REC].
            message = line.text.replace("\r", "\n") + "\n"
            event = {"timestamp": int(line.time_s * 1000), "message": message}
            group.put_log_events(line.stream, [event])


def _may_create_group(function: Any, group: str) -> bool:
    roles = iam_backends[function.account_id][function.partition].roles.values()
    role = next((role for role in roles if role.arn == function.role), None)
    if role is None:
        return False
    policies = [*role.managed_policies.values(), *role.policies.values()]
    arn = f"arn:{function.partition}:logs:{function.region}:{function.account_id}:log-group:{group}"
    judged = {
        IAMPolicy(policy).is_action_permitted("logs:CreateLogGroup", resource)
        for policy in policies
        for resource in (arn, f"{arn}:*")  # policies name a group either way
    }
    allowed = PermissionResult.PERMITTED in judged and PermissionResult.DENIED not in judged
    return allowed or not policies
