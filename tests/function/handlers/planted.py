"""The real handler, and events that plant a fault in its iris model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from function import entry
from model.engines.base import Engine, Matrix

_PREDICTOR = entry.SERVICE.predictors()[-1]


class Planted:
    """An engine that fails by a function of the tensor, and else answers as the real one."""

    def __init__(self, fault: Callable[[Matrix], object], engine: Engine) -> None:
        self._fault = fault
        self._engine = engine

    def run(self, tensor: Matrix) -> Any:
        """Fail, or answer."""
        self._fault(tensor)
        return self._engine.run(tensor)


def out_of_memory(tensor: Matrix) -> NoReturn:
    """Find no memory left."""
    raise MemoryError


def broken(tensor: Matrix) -> NoReturn:
    """Fail whatever is asked."""
    raise RuntimeError("the weights are gone")


def upset(tensor: Matrix) -> None:
    """Fail by what a caller asks: two rows at once."""
    if len(tensor) == 2:
        raise RuntimeError("two rows")


def leaving(tensor: Matrix) -> NoReturn:
    """End the program, as a library should not."""
    raise SystemExit(0)


FAULTS = {fault.__name__: fault for fault in (out_of_memory, broken, upset, leaving)}


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Plant a fault if the event says so; else do what the function does."""
    if "plant" in event:
        _PREDICTOR._engine = Planted(FAULTS[event["plant"]], _PREDICTOR._engine)
        return {}
    return entry.handler(event, context)
