"""A task: the way from a model's outputs to answers in JSON.

A task is one file here, with the name that manifests use and a function `load`:

    load(settings: Table, outputs: tuple[Tensor, ...]) -> Task

`settings` is the manifest's table [answer]; errors in it are noted there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from numpy.typing import NDArray

from model import tenants

if TYPE_CHECKING:
    from model.bundle.table import Table
    from model.tensors import Tensor

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
            outputs: by tensor name.
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


def read_task(top: Table, outputs: tuple[Tensor, ...]) -> Task:
    """Open the task that a manifest names.

    Args:
        top: the whole manifest; errors are noted there.
        outputs: the tensors that the task turns into answers.
    """
    name, settings = top.text("task"), top.table("answer", default={})
    if not tenants.has(_PACKAGE, name):
        if name:
            top.note("task", f"one of {tenants.names_in(_PACKAGE)}", repr(name))
        return cast("Task", None)
    task: Task = tenants.tenant(_PACKAGE, name).load(settings, outputs)
    settings.close()
    return task
