"""The tree of errors of a request, and what each means to the caller.

    FunctionError
    ├── RequestError             the caller's fault: lists what is wrong
    │   ├── MalformedError       unreadable: broken JSON, broken base64, a broken event
    │   ├── UnknownModelError    no such model
    │   ├── UnknownVersionError  no such version of a model, and no such label
    │   ├── UnknownRouteError    no such path
    │   ├── MethodError          a path that exists, but not for that method
    │   ├── MediaTypeError       a body of a type that the model does not take
    │   ├── IncompleteError      the body did not arrive whole, or not in time
    │   ├── TooLargeError        a body over the limit
    │   ├── GoneError            an object that does not exist, or no longer
    │   ├── ReplacedError        an object that was overwritten since the event
    │   ├── ForbiddenError       an object that the function may not read or decrypt
    │   ├── ArchivedError        an object that must be restored first
    │   └── InvalidError         readable, but not what the model expects
    ├── UnsupportedSourceError   an event that no door takes
    ├── StorageError             ours: the bucket failed or is busy
    ├── DeadlineError            ours: no time left for the rest
    ├── BusyError                503  more bytes of bodies at once than plain HTTP holds
    └── ReplyTooLargeError       ours: an answer larger than Lambda carries

The errors of `model` (model/errors.py) are in the same table: only `OUTCOMES` knows statuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from model.errors import (
    MAX_PROBLEMS,
    EngineError,
    FormatError,
    InputError,
    LimitError,
    ModelError,
    Problem,
)


class FunctionError(Exception):
    """Any error of this package."""


class RequestError(FunctionError):
    """A request that cannot be answered as it is; lists at most ten problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems[:MAX_PROBLEMS])
        super().__init__("; ".join(str(problem) for problem in self.problems))


class MalformedError(RequestError):
    """A request that cannot be read."""


class UnknownModelError(RequestError):
    """A model that is not served here."""

    def __init__(self, known: Sequence[str]) -> None:
        got = Problem("model", f"one of {', '.join(known)}", "another name")
        super().__init__([got])


class UnknownVersionError(RequestError):
    """A version or label that the model does not have."""

    def __init__(self, known: Sequence[str]) -> None:
        got = Problem("version", f"one of {', '.join(known)}", "another name")
        super().__init__([got])


class UnknownRouteError(RequestError):
    """A path that does not exist."""


class MethodError(RequestError):
    """A path that exists, but not for that method."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__([Problem("method", f"one of {self.allowed}", "another method")])


class MediaTypeError(RequestError):
    """A body of a type that the model does not take."""


class IncompleteError(RequestError):
    """A request whose body did not arrive whole, or not in time."""


class TooLargeError(RequestError):
    """A body over the limit."""


def body_too_large(max_bytes: int) -> TooLargeError:
    """Return the error for a request's body: the limit, and what to do."""
    got = "more: resize the picture, send less at a time, or put the file into a bucket"
    return TooLargeError([Problem("body", f"at most {max_bytes} bytes", got)])


class GoneError(RequestError):
    """An object that does not exist, or no longer."""


class ReplacedError(RequestError):
    """An object that was overwritten since the event; the newer one has its own event."""


class ForbiddenError(RequestError):
    """An object that the function's role may not read or decrypt."""


class ArchivedError(RequestError):
    """An object that must be restored before it can be read."""


class InvalidError(RequestError):
    """A request that can be read, but is not what the model expects."""


class UnsupportedSourceError(FunctionError):
    """An event that no door takes."""


class StorageError(FunctionError):
    """A bucket that failed or is busy: a retry may succeed."""


class DeadlineError(FunctionError):
    """No time is left in this invocation; nothing is half done."""


class BusyError(FunctionError):
    """More bytes of bodies at once than the process holds."""


class ReplyTooLargeError(FunctionError):
    """An answer larger than Lambda carries."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an error means to the caller: an HTTP status, a title, and whether to retry."""

    status: int
    title: str
    retry: bool = False


OUTCOMES: Final[dict[type[Exception], Outcome]] = {
    MalformedError: Outcome(400, "The request cannot be read"),
    UnknownModelError: Outcome(404, "No such model"),
    UnknownVersionError: Outcome(404, "No such version"),
    UnknownRouteError: Outcome(404, "No such path"),
    GoneError: Outcome(404, "No such object"),
    ForbiddenError: Outcome(403, "The object may not be read"),
    ArchivedError: Outcome(409, "The object is archived"),
    ReplacedError: Outcome(412, "The object was replaced"),
    MethodError: Outcome(405, "Not by this method"),
    IncompleteError: Outcome(408, "The request did not come whole"),
    TooLargeError: Outcome(413, "The request is too large"),
    LimitError: Outcome(413, "The picture is too large"),
    MediaTypeError: Outcome(415, "The media type is not supported"),
    FormatError: Outcome(415, "The picture format is not supported"),
    InvalidError: Outcome(422, "The request is not as expected"),
    InputError: Outcome(422, "The instances are not as expected"),
    UnsupportedSourceError: Outcome(400, "No door for this event"),
    ReplyTooLargeError: Outcome(500, "The answer is too large"),
    StorageError: Outcome(503, "The bucket failed", retry=True),
    DeadlineError: Outcome(503, "No time was left", retry=True),
    BusyError: Outcome(503, "The server is busy", retry=True),
    EngineError: Outcome(500, "The model failed", retry=True),
    ModelError: Outcome(500, "The model failed", retry=True),
    FunctionError: Outcome(500, "The function failed", retry=True),
    Exception: Outcome(500, "The function failed", retry=True),
}
"""The meaning of each error; an unlisted class means what its nearest listed parent means."""


class ItemError(TypedDict):
    """Why an item has no answer, and whether a retry may succeed."""

    type: str
    status: int
    detail: str
    problems: list[dict[str, str]]
    retry: bool


def outcome_of(error: BaseException) -> Outcome:
    """Look up an error in the table, by its nearest listed class."""
    for kind in type(error).__mro__:
        if kind in OUTCOMES:
            return OUTCOMES[kind]
    return OUTCOMES[Exception]


def name_of(error: BaseException) -> str:
    """Return an error's public name: that of its class, if the class is ours."""
    ours = isinstance(error, FunctionError | ModelError)
    return type(error).__name__ if ours else "InternalError"


def problems_of(error: BaseException) -> tuple[Problem, ...]:
    """Return what is wrong with the request; empty if the fault is ours."""
    return error.problems if isinstance(error, RequestError | InputError) else ()


def detail_of(error: BaseException) -> str:
    """Return a sentence that is safe to send out: details of our own faults stay in the log."""
    problems = problems_of(error)
    if problems:
        return "; ".join(str(problem) for problem in problems)
    if isinstance(error, UnsupportedSourceError | DeadlineError | ReplyTooLargeError):
        return str(error)
    return "Something failed that is not the request's fault; the log has it by the request id."


def item_error_of(error: BaseException) -> ItemError:
    """Return an error as the result of one item among many: a message, or an item of a map."""
    outcome = outcome_of(error)
    return {
        "type": name_of(error),
        "status": outcome.status,
        "detail": detail_of(error),
        "problems": [
            {"where": problem.where, "expected": problem.expected, "got": problem.got}
            for problem in problems_of(error)
        ],
        "retry": outcome.retry,
    }
