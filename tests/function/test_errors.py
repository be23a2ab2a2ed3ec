"""One table says what each error means outside, and it knows them all."""

from __future__ import annotations

from pathlib import Path

import pytest

import function.errors
import function.settings
import model.errors
from function.errors import (
    OUTCOMES,
    FunctionError,
    InvalidError,
    MalformedError,
    Outcome,
    RequestError,
    UnknownModelError,
    UnsupportedSourceError,
    detail_of,
    outcome_of,
    problems_of,
)
from model.errors import MAX_PROBLEMS, ArtefactError, FormatError, InputError, ModelError, Problem


def _family(kind: type[Exception]) -> set[type[Exception]]:
    return {kind, *(one for child in kind.__subclasses__() for one in _family(child))}


ABSTRACT = {RequestError}
LOAD_TIME = {ArtefactError}


def test_every_error_is_in_the_table() -> None:
    """Each error of both trees has its own line, but for what can never reach a caller."""
    errors = _family(FunctionError) | _family(ModelError)
    ours = {kind for kind in errors if kind.__module__ in ("function.errors", "model.errors")}
    assert ours - ABSTRACT - LOAD_TIME == set(OUTCOMES) - {Exception}


@pytest.mark.parametrize("module", [function.errors, model.errors])
def test_the_drawn_tree(module: object) -> None:
    """The tree in each module's docstring has every class, below its parent."""
    drawing = (module.__doc__ or "").splitlines()
    root = FunctionError if module is function.errors else ModelError
    for kind in _family(root):
        if kind.__module__ != getattr(module, "__name__", ""):
            continue
        (line,) = [line for line in drawing if f" {kind.__name__} " in f" {line} "]
        if kind is root:
            continue
        depth = line.index(kind.__name__)
        above = [one for one in drawing[: drawing.index(line)] if one.strip(" │├└─")]
        parents = [one for one in above if len(one) - len(one.lstrip(" │├└─")) == depth - 4]
        assert parents[-1].strip(" │├└─").split()[0] == kind.__mro__[1].__name__


def test_statuses() -> None:
    """The caller's faults are 4xx and not to be tried again; ours are 5xx."""
    for kind, outcome in OUTCOMES.items():
        fault_of_caller = issubclass(kind, RequestError | InputError | UnsupportedSourceError)
        assert (outcome.status < 500) == fault_of_caller
        assert not (outcome.retry and fault_of_caller)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UnknownModelError(["iris"]), Outcome(404, "No such model")),
        (FormatError([]), Outcome(415, "The picture format is not supported")),
        (RequestError([]), Outcome(500, "The function failed", retry=True)),
        (KeyError("x"), Outcome(500, "The function failed", retry=True)),
        (ArtefactError(Path("x"), expected="y", got="z"), Outcome(500, "The model failed", True)),
        (KeyboardInterrupt(), Outcome(500, "The function failed", retry=True)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_outcomes(error: BaseException, outcome: Outcome) -> None:
    """An error means what its nearest listed class means."""
    assert outcome_of(error) == outcome


def test_problems_are_listed() -> None:
    """An error's text and its detail list what is wrong."""
    error = InvalidError([Problem("a", "b", "c"), Problem("d", "e", "f")])
    assert str(error) == detail_of(error) == "a: expected b, got c; d: expected e, got f"
    assert problems_of(error) == (Problem("a", "b", "c"), Problem("d", "e", "f"))


def test_ten_problems_at_most() -> None:
    """Of a hundred problems the first ten are kept."""
    error = MalformedError([Problem(str(n), "", "") for n in range(100)])
    assert [problem.where for problem in problems_of(error)] == [str(n) for n in range(10)]
    assert MAX_PROBLEMS == 10


def test_our_faults_keep_their_text() -> None:
    """The text of an error that is ours does not go out."""
    for error in (ValueError("secret"), ModelError("secret"), FunctionError("secret")):
        assert detail_of(error) == (
            "Something failed that is not the request's fault; the log has it by the request id."
        )
        assert problems_of(error) == ()
