"""A task: the way from a model's outputs to answers in JSON.

A task is one file here, with the name that manifests use and a function `load`:

    load(settings: Table, outputs: tuple[Tensor, ...]) -> Task

`settings` is the manifest's table [answer], or [custom]; errors in it are noted there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from model import tenants
from model.errors import EngineError

if TYPE_CHECKING:
    from model.bundle.table import Table
    from model.tensors import Tensor

TABLES: Final = {"custom": "custom"}
"""Tables of settings that are not named [answer]."""

_PACKAGE: Final = "model.tasks"

Answer = dict[str, Any]
"""One instance's answer, ready for JSON."""


class Task(Protocol):
    """Shapes one model's answers."""

    @property
    def noun(self) -> str:
        """The last word of the model's kind: "classification" as in "image-classification"."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """A classifier's labels, if it has any."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the numbers that drift watches."""
        ...

    def answers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> list[Answer]:
        """Shape the engine's outputs.

        Args:
            outputs: by tensor name; the inputs are among them, for a task that needs a mask.
            count: N, the number of instances.

        Returns:
            N answers, in the order of the instances.

        Raises:
            EngineError: the outputs are not what the manifest promises.
        """
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one answer."""
        ...

    def watched(self, answers: Sequence[Answer]) -> dict[str, NDArray[Any]]:
        """Compute what drift watches: [N] each, by `features`."""
        ...


class Unwatched:
    """A task without labels, in whose answers no number has a meaning of its own for drift."""

    __slots__ = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def features(self) -> tuple[str, ...]:
        """None."""
        return ()

    def watched(self, answers: Sequence[Answer]) -> dict[str, NDArray[Any]]:
        """Return nothing."""
        return {}


def read_task(top: Table, outputs: tuple[Tensor, ...]) -> Task:
    """Open the task that a manifest names.

    Args:
        top: the whole manifest; errors are noted there.
        outputs: the tensors that the task turns into answers.
    """
    name = top.text("task")
    settings = top.table(TABLES.get(name, "answer"), default={})
    if not tenants.has(_PACKAGE, name):
        if name:
            top.note("task", f"one of {tenants.names_in(_PACKAGE)}", repr(name))
        return cast("Task", None)
    task: Task = tenants.tenant(_PACKAGE, name).load(settings, outputs)
    settings.close()
    return task


Scores = NDArray[np.float64]

LINKS: Final[dict[str, Callable[[Scores], Scores]]] = {
    "none": lambda scores: scores,
    "exp": np.exp,
    "expm1": np.expm1,
    # Written with tanh, the sigmoid does not overflow at -1000.
    "sigmoid": lambda scores: 0.5 * (1 + np.tanh(0.5 * scores)),
}
"""What may follow a network that leaves its last step to its user, number by number."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output of which a task makes numbers: K an instance.

    Attributes:
        name: the tensor's.
        scale, shift: x * scale + shift is the number, for quantised outputs.
    """

    name: str
    scale: float = 1.0
    shift: float = 0.0

    def numbers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> Scores:
        """Return the output as float64[N, K], axes of size one left out.

        Args:
            outputs: by tensor name: [N, K], [N], [N, 1, 1, K], or for one instance [K].
            count: N, the number of instances.

        Raises:
            EngineError: more axes, another batch, or no numbers.
        """
        output = outputs[self.name]
        if output.dtype.kind not in "fiu":
            raise EngineError(f"expected numbers in the output {self.name}, got {output.dtype}")
        axes = output.shape[1:] if output.shape[:1] == (count,) else output.shape
        if (axes is output.shape and count != 1) or sum(size != 1 for size in axes) > 1:
            raise EngineError(
                f"expected an output {self.name} of shape [{count}, K], got {list(output.shape)}: "
                "the task tensors gives any output as it is"
            )
        rows = output.reshape(count, -1).astype(np.float64)
        return rows if (self.scale, self.shift) == (1, 0) else rows * self.scale + self.shift


def read_output(settings: Table, outputs: Sequence[Tensor]) -> Output:
    """Read which output a task uses: the one named, the only one, or the only one of floats."""
    candidates = [one.name for one in outputs]
    floats = [one.name for one in outputs if one.dtype.startswith("float")]
    default = next((some[0] for some in (candidates, floats) if len(some) == 1), None)
    name = ""
    if candidates:
        absent = {} if default is None else {"default": default}
        name = settings.choice("output", tuple(candidates), **absent)
    scale, shift = settings.number("scale", default=None), settings.number("shift", default=None)
    return Output(name, 1.0 if scale is None else scale, shift or 0.0)
