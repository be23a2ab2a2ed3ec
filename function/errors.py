"""
What can go wrong in a request, as one tree, and what each error means on the outside.

    FunctionError
    ├── RequestError             the caller's: lists what is wrong
    │   ├── MalformedError       not to be read: broken JSON, broken base64, a broken event
    │   ├── UnknownModelError    no such model
    │   ├── UnknownRouteError    no such path
    │   ├── MethodError          a path that exists, but not by that method
    │   ├── MediaTypeError       a body of a type that the model does not take
    │   ├── TooLargeError        a body beyond the limit
    │   └── InvalidError         to be read, but not what the model expects
    ├── UnsupportedSourceError   an event that no door takes
    └── ReplyTooLargeError       ours: an answer beyond what Lambda carries

The errors of `model` (model/errors.py) stand in the same table: `OUTCOMES` is the one place that
knows statuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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
    """Anything that goes wrong in this package."""


class RequestError(FunctionError):
    """A request that cannot be answered as it is, with at most ten problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems[:MAX_PROBLEMS])
        super().__init__("; ".join(str(problem) for problem in self.problems))


class MalformedError(RequestError):
    """A request that cannot be read."""


class UnknownModelError(RequestError):
    """A model that is not served here."""

    def __init__(self, known: Sequence[str]) -> None:
        came = Problem("model", f"one of {', '.join(known)}", "another name")
        super().__init__([came])


class UnknownRouteError(RequestError):
    """A path that does not exist."""


class MethodError(RequestError):
    """A path that exists, but not by that method."""


class MediaTypeError(RequestError):
    """A body of a type that the model does not take."""


class TooLargeError(RequestError):
    """A body beyond the limit."""


class InvalidError(RequestError):
    """A request that can be read, but is not what the model expects."""


class UnsupportedSourceError(FunctionError):
    """An event that no door takes."""


class ReplyTooLargeError(FunctionError):
    """An answer beyond what Lambda carries."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an error means to who called: an HTTP status, a title, and whether to try again."""

    status: int
    title: str
    retry: bool = False


OUTCOMES: Final[dict[type[Exception], Outcome]] = {
    MalformedError: Outcome(400, "The request cannot be read"),
    UnknownModelError: Outcome(404, "No such model"),
    UnknownRouteError: Outcome(404, "No such path"),
    MethodError: Outcome(405, "Not by this method"),
    TooLargeError: Outcome(413, "The request is too large"),
    LimitError: Outcome(413, "The picture is too large"),
    MediaTypeError: Outcome(415, "The media type is not supported"),
    FormatError: Outcome(415, "The picture format is not supported"),
    InvalidError: Outcome(422, "The request is not as expected"),
    InputError: Outcome(422, "The instances are not as expected"),
    UnsupportedSourceError: Outcome(400, "No door for this event"),
    ReplyTooLargeError: Outcome(500, "The answer is too large"),
    EngineError: Outcome(500, "The model failed", retry=True),
    ModelError: Outcome(500, "The model failed", retry=True),
    FunctionError: Outcome(500, "The function failed", retry=True),
    Exception: Outcome(500, "The function failed", retry=True),
}
"""Each error's meaning; a class that is not listed means what its nearest listed parent means."""


def outcome_of(error: BaseException) -> Outcome:
    """
    Look an error up in the table, by its nearest class that is listed.
    """
    for kind in type(error).__mro__:
        if kind in OUTCOMES:
            return OUTCOMES[kind]
    return OUTCOMES[Exception]


def problems_of(error: BaseException) -> tuple[Problem, ...]:
    """
    List what is wrong with the request; nothing where the fault is ours.
    """
    return error.problems if isinstance(error, RequestError | InputError) else ()


def detail_of(error: BaseException) -> str:
    """
    Say what happened in a sentence that is safe to send out: ours stay in the log.
    """
    problems = problems_of(error)
    if problems:
        return "; ".join(str(problem) for problem in problems)
    if isinstance(error, UnsupportedSourceError | ReplyTooLargeError):
        return str(error)
    return "Something failed that is not the request's fault; the log has it by the request id."
