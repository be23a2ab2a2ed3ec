"""Keep what a person has edited in model.toml when the model is baked again.

Beside the manifest lies a record of what bake wrote last. What differs from it in the manifest was
edited, and stays; everything else is bake's to change.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from model.bake.errors import BakeError
from model.bundle.manifest import MANIFEST_FILE

RECORD_FILE: Final = ".baked.json"
_OURS: Final = ("schema", "artefact")
"""Tables that are never edited: they describe the file."""

_ABSENT: Final[Any] = object()


def merged(folder: Path, document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Merge a new manifest with the one that a person may have edited.

    Args:
        folder: the bundle as it is; there may be none yet.
        document: what bake would write.

    Returns:
        What to write, and the keys whose edits were kept.

    Raises:
        BakeError: the manifest is no TOML.
    """
    path = folder / MANIFEST_FILE
    if not path.exists():
        return dict(document), []
    try:
        present = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise BakeError(
            f"{path}: expected TOML, got {exc}", "Mend it, or remove the file."
        ) from exc
    written, _ = recorded(folder)
    kept: list[str] = []
    result = _merged(document, present, written, "", kept)
    return {**result, **{key: document[key] for key in _OURS if key in document}}, kept


def _merged(
    ours: Mapping[str, Any], present: Mapping[str, Any], written: Mapping[str, Any],
    place: str, kept: list[str],
) -> dict[str, Any]:  # fmt: skip
    """Merge key by key; a list is one value, except one of tables that have names."""
    result: dict[str, Any] = {}
    for key in [*ours, *(key for key in present if key not in ours)]:
        new, now, then = (one.get(key, _ABSENT) for one in (ours, present, written))
        where = f"{place}{key}"
        if place == "" and key in _OURS:
            value = new
        elif all(isinstance(one, Mapping) for one in (new, now)):
            past = then if isinstance(then, Mapping) else {}
            value = _merged(new, now, past, f"{where}.", kept)
        elif _are_named(new) and _are_named(now) and _names(new) == _names(now):
            past = _by_name(then) if _are_named(then) else {}
            value = [
                _merged(one, other, past.get(one["name"], {}), f"{where}.{one['name']}.", kept)
                for one, other in zip(new, now, strict=True)
            ]
        elif now in (then, new):
            value = new
        else:
            value = now
            kept.append(where)
        if value is not _ABSENT:
            result[key] = value
    return result


def _are_named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and "name" in one for one in value)


def _names(tables: list[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in tables]


def _by_name(tables: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in tables}


def record_of(document: Mapping[str, Any], sha256s: Mapping[str, str]) -> str:
    """Write down what bake itself made: the manifest, and the files with their hashes."""
    record = {"manifest": document, "files": dict(sha256s)}
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def recorded(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what bake made of a bundle last time; nothing if it never did, or the record is lost."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        return dict(record["manifest"]), dict(record["files"])
    except (OSError, ValueError, LookupError, TypeError):
        return {}, {}
