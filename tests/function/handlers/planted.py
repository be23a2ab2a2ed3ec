"""The real handler, and events that plant a fault in its iris model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from function import entry
from model.engines.base import Array, Engine

_PREDICTOR = entry.SERVICE.find("iris")._predictor


class Planted:
    """An engine that fails by a function of the rows, and else answers as the real one."""

    def __init__(self, fault: Callable[[Array], object], engine: Engine) -> None:
        self._fault = fault
        self._engine = engine

    def run(self, feeds: Mapping[str, Array]) -> Any:
        """Fail, or answer."""
        self._fault(feeds["rows"])
        return self._engine.run(feeds)


def out_of_memory(rows: Array) -> NoReturn:
    """Find no memory left."""
    raise MemoryError


def broken(rows: Array) -> NoReturn:
    """Fail whatever is asked."""
    raise RuntimeError("the weights are gone")


def upset(rows: Array) -> None:
    """Fail by what a caller asks: two rows at once."""
    if len(rows) == 2:
        raise RuntimeError("two rows")


def leaving(rows: Array) -> NoReturn:
    """End the program, as a library should not."""
    raise SystemExit(0)


FAULTS = {fault.__name__: fault for fault in (out_of_memory, broken, upset, leaving)}


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Plant a fault if the event says so; else do what the function does."""
    if "plant" in event:
        _PREDICTOR._engine = Planted(FAULTS[event["plant"]], _PREDICTOR._engine)
        return {}
    return entry.handler(event, context)
