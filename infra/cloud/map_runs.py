"""A distributed map's run: its counts and result files, as in the service."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.map_run_record import (  # noqa: E501
    Counter,
    MapRunRecord,
    ProgressCounter,
)
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str


class CountedRun(MapRunRecord):  # type: ignore[misc]
    """A run that counts items, not batches, and keeps the outcome of each child."""

    def begin(self, inputs: list[Any]) -> None:
        """Record the input of every child, all pending."""
        self.inputs = inputs
        self.errors: dict[int, dict[str, str | None]] = {}
        for counter, sizes in (
            (self.item_counter, [_size(child) for child in inputs]),
            (self.execution_counter, [1] * len(inputs)),
        ):
            counter.total.count(sum(sizes))
            counter.pending.count(sum(sizes))

    def counting(self, index: int) -> Any:
        """Return what moto's worker uses as the run while it evaluates one child."""
        return SimpleNamespace(
            item_counter=_scaled(self.item_counter, _size(self.inputs[index])),
            execution_counter=_scaled(self.execution_counter, 1),
        )

    def end(self, index: int, state: Any) -> None:
        """Record how a child ended."""
        if isinstance(state, ProgramEnded):
            return
        told = state.error or {} if isinstance(state, ProgramError) else {}
        error = told.get("error") or "States.Runtime"
        self.errors[index] = {"Error": error, "Cause": told.get("cause")}
        self.execution_counter.running.offset(-1)  # moto forgets it


class _Scaled:
    """A counter that counts by more than one."""

    def __init__(self, counter: Any, size: int) -> None:
        self._counter = counter
        self._size = size

    def count(self) -> None:
        self._counter.offset(self._size)

    def offset(self, offset: int) -> None:
        self._counter.offset(offset * self._size)


class _Begun(_Scaled):
    """The counter of running items: one that begins is no longer pending."""

    def __init__(self, counter: Any, size: int, pending: Any) -> None:
        super().__init__(counter, size)
        self._pending = pending

    def count(self) -> None:
        super().count()
        self._pending.offset(-self._size)


def _scaled(counters: Any, size: int) -> Any:
    names = ProgressCounter.__annotations__
    made: dict[str, Any] = {name: _Scaled(getattr(counters, name), size) for name in names}
    made["running"] = _Begun(counters.running, size, counters.pending)
    made["total"] = Counter()  # known from the beginning
    return SimpleNamespace(**made)


def _size(child: Any) -> int:
    batched = isinstance(child, dict) and isinstance(child.get("Items"), list)
    return len(child["Items"]) if batched else 1


def result_files(run: CountedRun, outputs: list[Any]) -> dict[str, list[dict[str, Any]]]:
    """Return how each child ended, by status. Source: Step Functions guide, ResultWriter."""
    files: dict[str, list[dict[str, Any]]] = {}
    for index, (child, output) in enumerate(zip(run.inputs, outputs, strict=True)):
        line = {
            "Input": to_json_str(child),
            "InputDetails": {"Included": True},
            "Name": str(index),
            "StateMachineArn": run.map_state_machine_arn,
        }
        if index in run.errors:
            line |= {"Status": "FAILED", **run.errors[index]}
        else:
            details = {"Included": True}
            line |= {"Status": "SUCCEEDED", "Output": json.dumps(output), "OutputDetails": details}
        files.setdefault(str(line["Status"]), []).append(line)
    return files
