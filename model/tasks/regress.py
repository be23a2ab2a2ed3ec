"""The task `regress`: a number, or several by name.

[answer]
output = "price"             optional if one output has floats
outputs = ["width", "height"]    instead: several, each of them one number
names = ["x", "y"]           of the numbers of one output that has several; absent: "0", "1", …
apply = "none"               none, exp, expm1 (of a target log(1 + y)) or sigmoid
scale, shift                 of a quantised output: x * scale + shift, before `apply`
unit = "EUR"                 optional, for the documents
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from model.elements import to_json
from model.errors import EngineError
from model.tasks.base import LINKS, Answer, Output, read_output

if TYPE_CHECKING:
    from model.bundle.table import Table
    from model.tensors import Tensor

VALUE: Final = "value"


@dataclass(frozen=True, slots=True)
class Regress:
    """The answers of a regression: one value if it has no names."""

    outputs: tuple[Output, ...]
    names: tuple[str, ...] = ()
    apply: str = "none"
    unit: str = ""
    noun: str = "regression"

    @property
    def labels(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def features(self) -> tuple[str, ...]:
        """The value, or each of the values by its name."""
        return self.names or (VALUE,)

    def answers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> list[Answer]:
        """Turn the outputs, [N], [N, 1] or [N, K] each, into values.

        Returns:
            N objects {"value": number} or {"values": {name: number}}; NaN and Infinity are null.

        Raises:
            EngineError: another shape, or as many numbers as there are no names for.
        """
        columns = [one.numbers(outputs, count) for one in self.outputs]
        with np.errstate(over="ignore"):
            numbers = LINKS[self.apply](np.concatenate(columns, axis=1))
            dtypes = [outputs[one.name].dtype for one in self.outputs]
            values = to_json(numbers.astype(np.result_type(np.float32, *dtypes)))
        width = numbers.shape[1]
        if width != len(self.features):
            expected = f"{len(self.features)} numbers per instance ({', '.join(self.features)})"
            raise EngineError(f"expected {expected}, got {width}; names says what they are")
        if not self.names:
            return [{VALUE: row[0]} for row in values]
        return [{"values": dict(zip(self.names, row, strict=True))} for row in values]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one answer."""
        number: dict[str, Any] = {"type": ["number", "null"]}
        if self.unit:
            number["description"] = f"In {self.unit}."
        key, schema = VALUE, number
        if self.names:
            properties = dict.fromkeys(self.names, number)
            schema = {"type": "object", "properties": properties, "required": [*self.names]}
            key = "values"
        return {"type": "object", "properties": {key: schema}, "required": [key]}

    def watched(self, answers: Sequence[Answer]) -> dict[str, NDArray[Any]]:
        """Return the values; NaN for null."""
        rows = [one["values"] if self.names else one for one in answers]
        return {
            name: np.array([row[name] for row in rows], dtype=np.float64) for name in self.features
        }


def load(settings: Table, outputs: tuple[Tensor, ...]) -> Regress:
    """Read the settings of a regression."""
    apply = settings.choice("apply", tuple(LINKS), default="none")
    unit, names = settings.text("unit", default=""), settings.texts("names", absent=True)
    known = [one.name for one in outputs]
    several = settings.texts("outputs", absent=True)
    if several:
        unknown = [name for name in several if name not in known]
        if unknown and known:
            settings.note("outputs", f"names of {', '.join(known)}", unknown)
        for key in ("output", "names"):
            if key in settings.values:
                settings.note(key, "nothing beside outputs", "both")
        return Regress(tuple(map(Output, several)), several, apply, unit)
    output = read_output(settings, outputs)
    shape = next((one.shape for one in outputs if one.name == output.name), ())
    wide = math.prod(size for size in shape[1:] if size > 0)
    if not names and wide > 1:
        names = tuple(map(str, range(wide)))
    return Regress((output,), names, apply, unit)
