"""What the models are asked, with the answers."""

from __future__ import annotations

import json

from tests import ROOT

_ZOO = ROOT / "model" / "zoo"


def pictures() -> list[tuple[bytes, str]]:
    """Return the ten pictures, each with its digit, which is its name."""
    paths = sorted((_ZOO / "digits" / "samples").glob("?.png"))
    return [(path.read_bytes(), path.stem) for path in paths]


def rows() -> list[tuple[list[float], str]]:
    """Return flowers, each with its species, from the golden vectors."""
    golden = json.loads((_ZOO / "iris" / "golden.json").read_text(encoding="utf-8"))
    return [(case["row"], case["answer"]["label"]) for case in golden["cases"]]
