"""ItemBatcher, for an interpreter that does not know it.

It moves into the parameters of the map's ItemReader, whose paths moto evaluates against the state's
input, like the service; the reader (machines.py) makes the batches.
"""

from __future__ import annotations

import json
from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import ASLParserException

_KEYS = {"MaxItemsPerBatch", "MaxItemsPerBatchPath", "BatchInput"}


def with_batchers_read(definition: str) -> str:
    """Move each ItemBatcher to where moto accepts it; ASLParserException for a wrong one."""
    try:
        loaded = json.loads(definition)
    except ValueError:
        return definition  # moto says what is wrong with it
    _move(loaded)
    return json.dumps(loaded)


def _move(machine: Any) -> None:
    states = machine.get("States") if isinstance(machine, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if not isinstance(state, dict):
            continue
        if "ItemBatcher" in state:
            _move_one(name, state)
        _move(state.get("ItemProcessor"))


def _move_one(name: str, state: dict[str, Any]) -> None:
    batcher, reader = state.pop("ItemBatcher"), state.get("ItemReader")
    if not isinstance(batcher, dict) or not batcher.keys() <= _KEYS:
        raise ASLParserException([f"ItemBatcher of {name}: expected {sorted(_KEYS)}"])
    if len(batcher.keys() & {"MaxItemsPerBatch", "MaxItemsPerBatchPath"}) != 1:
        raise ASLParserException([f"ItemBatcher of {name}: expected one MaxItemsPerBatch or -Path"])
    if not isinstance(reader, dict) or "listObjectsV2" not in str(reader.get("Resource")):
        raise ASLParserException([f"ItemBatcher of {name}: only listObjectsV2 is emulated"])
    moved = dict(batcher)
    if "MaxItemsPerBatchPath" in moved:
        moved["MaxItemsPerBatch.$"] = moved.pop("MaxItemsPerBatchPath")
    reader.setdefault("Parameters", {})["ItemBatcher"] = moved


def batches_of(items: list[Any], batcher: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the input of each child, {"BatchInput", "Items"}, by an evaluated batcher."""
    size = int(batcher["MaxItemsPerBatch"])
    shared = {"BatchInput": batcher["BatchInput"]} if "BatchInput" in batcher else {}
    starts = range(0, len(items), size)
    return [{**shared, "Items": items[start : start + size]} for start in starts]
