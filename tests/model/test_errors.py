"""The tree of errors: what each says, and that each is in the drawing."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import ArtefactError, InputError, Problem


def test_a_problem_says_where_what_was_expected_and_what_came() -> None:
    """A problem reads as one sentence."""
    problem = Problem("rows[3].a", "a finite number", "NaN")
    assert str(problem) == "rows[3].a: expected a finite number, got NaN"


def test_an_input_error_lists_its_problems() -> None:
    """The message joins the problems; the problems are kept for who shows them otherwise."""
    problems = [Problem("rows[0]", "3 numbers", "1 number"), Problem("rows[1]", "it", "that")]
    error = InputError(problems)
    assert str(error) == "rows[0]: expected 3 numbers, got 1 number; rows[1]: expected it, got that"
    assert error.problems == tuple(problems)


@pytest.mark.parametrize(("given", "kept"), [(0, 0), (1, 1), (10, 10), (11, 10), (100_000, 10)])
def test_an_input_error_lists_ten_problems_at_most(given: int, kept: int) -> None:
    """A hundred thousand bad numbers make no hundred thousand messages."""
    error = InputError([Problem(f"rows[{n}]", "a", "b") for n in range(given)])
    assert [problem.where for problem in error.problems] == [f"rows[{n}]" for n in range(kept)]
    assert str(error).count("expected") == kept


def test_an_artefact_error_names_the_file() -> None:
    """What is wrong with a bundle is said with the file, what was expected and what was got."""
    error = ArtefactError(Path("zoo/tiny/model.toml"), expected="a manifest", got=17)
    assert str(error) == "zoo/tiny/model.toml: expected a manifest, got 17"
    assert error.path == Path("zoo/tiny/model.toml")
