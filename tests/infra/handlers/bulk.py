"""A function for a distributed map, that does to each object what its key says."""

import os
from typing import Any


def handler(event: Any, _context: Any) -> Any:
    """Return one result an item; the batch and the key are in the log."""
    keys = [item["Key"] for item in event["Items"]]
    print(f"batch: {' '.join(keys)}", flush=True)
    if event["BatchInput"]["model"] == "absent":
        raise ValueError("no such model")
    return {"results": [result_of(key, len(keys), event["BatchInput"]) for key in keys]}


def result_of(key: str, together: int, batch: dict[str, Any]) -> dict[str, Any]:
    """Answer one object; what "alone" is in the key goes well only if it is."""
    if "crash" in key:
        os._exit(3)
    if "bad" in key:
        return {"error": {"type": "InputError", "status": 422, "retry": False}}
    if "never" in key or ("alone" in key and together > 1):
        return {"error": {"type": "StorageError", "status": 503, "retry": True}}
    if "skip" in key:
        return {"source": key, "skipped": "a folder"}
    return {"source": key, "result": f"{batch['output']}/{key}.json"}
