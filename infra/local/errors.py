"""The errors of the emulator itself. A function's own failures are results, not exceptions.

LocalError
├── PortTaken           a port is in use; names it and the option that changes it
├── StartError          the emulator did not start, for a reason other than a port
├── ToolMissing         isolation needs a program that this machine does not have
├── Throttled           no environment is free; carries the service's Reason
├── Replaced            the function was changed before a waiting invocation began
└── ProtocolError       a runtime broke the Runtime API; carries status, type and message
    ├── InvalidRequestId
    ├── InvalidTransition
    ├── PayloadTooLarge
    ├── TruncatedRequest
    ├── InvalidResponseMode
    └── NotEmulated
"""

from __future__ import annotations

from infra.local import contract
from infra.settings.errors import InfraError


class LocalError(InfraError):
    """The root of the emulator's errors."""


class PortTaken(LocalError):
    """A port is in use; names it and the option that changes it."""

    def __init__(self, host: str, port: int, option: str) -> None:
        self.port = port
        super().__init__(
            f"port {port} on {host} is in use: choose another with {option} (0 takes any free one)"
        )


class StartError(LocalError):
    """The emulator did not start; says why."""


class ToolMissing(LocalError):
    """A program is missing; names it and what needs it."""

    def __init__(self, program: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the program {program!r}, which is not installed")


class Throttled(LocalError):
    """No environment is free; carries the service's Reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Rate Exceeded. Reason: {reason}")


class Replaced(LocalError):
    """The function was changed before a waiting invocation began; it begins on the new one."""


class ProtocolError(LocalError):
    """A runtime broke the protocol; carries the answer to it."""

    status = 400
    error_type = "InvalidRequest"


class InvalidRequestId(ProtocolError):
    """A post for an invocation that this environment is not running (A5)."""

    error_type = "InvalidRequestID"

    def __init__(self) -> None:
        super().__init__("Invalid request ID")


class InvalidTransition(ProtocolError):
    """A call that the runtime's state does not allow (A6, A11)."""

    status = 403
    error_type = "InvalidStateTransition"

    def __init__(self, source: str, target: str) -> None:
        super().__init__(
            f"State transition from {source} to {target} failed for runtime."
            " Error: State transition is not allowed"
        )


class PayloadTooLarge(ProtocolError):
    """A response over the service's limit (A7)."""

    status = 413
    error_type = "RequestEntityTooLarge"

    def __init__(self) -> None:
        super().__init__(
            f"Exceeded maximum allowed payload size ({contract.RESPONSE_LIMIT_BYTES} bytes)."
        )


class TruncatedRequest(ProtocolError):
    """A body that ended before its stated length (A8)."""

    error_type = "TruncatedHTTPRequest"

    def __init__(self) -> None:
        super().__init__("HTTP request detected as truncated")


class InvalidResponseMode(ProtocolError):
    """A response mode other than streaming (A9)."""

    error_type = "InvalidFunctionResponseMode"

    def __init__(self) -> None:
        super().__init__("Invalid function response mode")


class NotEmulated(ProtocolError):
    """A call that this environment does not support (A15 without SnapStart)."""

    status = 404
    error_type = "NotFound"

    def __init__(self) -> None:
        super().__init__("This environment was not made from a snapshot")
