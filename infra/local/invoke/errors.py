"""The Invoke API's refusals: status, x-amzn-ErrorType and body.

Source: docs/contract.md 6.2, B11 to B17. JSON keys differ by error: some have Message, most have
message, like the botocore model; boto3 picks its exception class by x-amzn-ErrorType.
"""

from __future__ import annotations

import json

from infra.local import contract
from infra.local.errors import LocalError


class InvokeError(LocalError):
    """One refusal, ready to be sent."""

    def __init__(self, status: int, error_type: str, body: dict[str, object]) -> None:
        self.status = status
        self.error_type = error_type
        self.body = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        super().__init__(f"{status} {error_type}: {body}")


def function_not_found(arn: str) -> InvokeError:
    """B11. Newer recordings end with the qualifier, or $LATEST without one [REC]."""
    return InvokeError(
        404,
        "ResourceNotFoundException",
        {"Type": "User", "Message": f"Function not found: {arn}"},
    )


def invalid_content(detail: str) -> InvokeError:
    """B12, and B17, whose status, type and text are not recorded [?]."""
    return InvokeError(400, "InvalidRequestContentException", {"Type": "User", "message": detail})


def not_json(detail: str) -> InvokeError:
    """B12. The detail is the parser's own text: ours differs from the service's."""
    return invalid_content(
        "Could not parse request body into json: Could not parse payload into json: " + detail
    )


def payload_too_large(size: int, *, event: bool) -> InvokeError:
    """B13, B14. RequestEntityTooLargeException; RequestTooLargeException in botocore's model."""
    if event:
        limit = contract.EVENT_REQUEST_LIMIT_BYTES
        message = (
            f"{size} byte payload is too large for the Event invocation type (limit {limit} bytes)"
        )
    else:
        limit = contract.SYNC_REQUEST_LIMIT_BYTES
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    body: dict[str, object] = {
        "Type": "User", "message": message, "hint": contract.TOO_LARGE_HINT
    }  # fmt: skip
    return InvokeError(413, "RequestEntityTooLargeException", body)


def throttled(reason: str) -> InvokeError:
    """B15."""
    return InvokeError(
        429,
        "TooManyRequestsException",
        {"Reason": reason, "Type": "User", "message": "Rate Exceeded."},
    )


def not_valid(value: str, member: str, constraint: str) -> InvokeError:
    """B16, in the words of the service's own validation [?]."""
    message = (
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint:"
        f" Member must {constraint}"
    )
    return InvokeError(400, "ValidationException", {"Type": "User", "message": message})


def wrong_parameter(message: str) -> InvokeError:
    """B16, for parameters that contradict each other, or are not emulated (our words) [?]."""
    return InvokeError(400, "InvalidParameterValueException", {"Type": "User", "message": message})


def unknown_operation(method: str, path: str) -> InvokeError:
    """Any other operation of Lambda: the emulator runs a function but does not manage functions."""
    message = f"Not emulated: {method} {path}. Only Invoke is."
    return InvokeError(404, "UnknownOperationException", {"Type": "User", "message": message})


def service_failed(detail: str) -> InvokeError:
    """A fault of the emulator itself."""
    return InvokeError(500, "ServiceException", {"Type": "Service", "Message": detail})
