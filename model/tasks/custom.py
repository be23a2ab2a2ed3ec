"""The task `custom`: the bundle's own recipe.py makes the answers.

task = "custom"

[custom]                   model/bundle/recipe_file.py
file = "recipe.py"
sha256 = "…"

`answer` gets the manifest's outputs by name and the number of instances. With the outputs come the
arrays of `prepare`, or of another recipe, whose names begin with an underscore, unless the caller
sent {"inputs": …}. It returns one object an instance; NumPy's arrays and numbers in it become lists
and numbers of JSON, NaN and Infinity null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.bundle.recipe_file import RECIPE_FILE, Function, owners_code, read_function
from model.elements import to_json
from model.errors import EngineError
from model.tasks.base import Answer, Unwatched

if TYPE_CHECKING:
    from model.bundle.table import Table
    from model.tensors import Tensor


@dataclass(frozen=True, slots=True)
class Custom(Unwatched):
    """Answers of the bundle's own."""

    path: Path
    answer: Function
    outputs: tuple[str, ...]
    noun: str = "inference"

    def answers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> list[Answer]:
        """Hand the outputs to `answer`, and check what it returns.

        Raises:
            InputError: what `answer` refuses by ValueError.
            EngineError: `answer` failed, or returned something else than one object an instance.
        """
        given = {name: outputs[name] for name in self.outputs}
        given |= {name: array for name, array in outputs.items() if name.startswith("_")}
        with owners_code("answer", "instances", self.path):
            result = self.answer(given, count)
        if not isinstance(result, list) or len(result) != count:
            got = f"{len(result)}" if isinstance(result, list) else type(result).__name__
            raise _wrong(f"a list of {count}", got)
        return [_as_json(one) for one in result]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one answer: any object."""
        return {"type": "object"}


def _as_json(answer: Any) -> Answer:
    if not isinstance(answer, dict):
        raise _wrong("objects", type(answer).__name__)
    try:
        plain: Answer = json.loads(json.dumps(answer, default=_plain, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as exc:
        raise _wrong("what JSON can express", exc) from exc
    return plain


def _plain(value: Any) -> Any:
    """Return NumPy's arrays and numbers as Python's."""
    if isinstance(value, np.ndarray | np.generic):
        return to_json(np.asarray(value))
    raise TypeError(f"a {type(value).__name__}")


def _wrong(expected: str, got: object) -> EngineError:
    return EngineError(f"{RECIPE_FILE}, answer: expected {expected}, got {got}")


def load(settings: Table, outputs: tuple[Tensor, ...]) -> Custom:
    """Load recipe.py, and open the task that its `answer` is."""
    settings.choice("takes", ("image", "row", "text", "tensors"), default="tensors")
    answer = read_function(settings, "answer")
    # Without the function there is a problem, and the task is never used.
    return Custom(settings.folder / RECIPE_FILE, answer or list, tuple(one.name for one in outputs))
