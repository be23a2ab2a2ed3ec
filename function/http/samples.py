"""A bundle's samples: the instances of its golden vectors, as payloads that a caller can send."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any, Final

from function.errors import UnknownRouteError
from function.inputs import KEYS
from model.bundle.golden import read_golden
from model.bundle.manifest import Manifest
from model.errors import Problem
from model.tensors import NamedInputs

_NUMBER: Final = re.compile("[0-9]{1,6}")


def samples_of(manifest: Manifest) -> list[tuple[str, dict[str, Any]]]:
    """Return the samples of a bundle, in the order of golden.json.

    Returns:
        Names and payloads: `{"image": <base64>}`, `{"rows": […]}`, `{"texts": […]}` or
        `{"inputs": {…}}`. Inputs by name are left out where the model has a recipe: nobody would
        enter those by hand.
    """
    takes = manifest.recipe.takes
    _, cases = read_golden(manifest.folder, manifest.task.labels)
    samples = []
    for case in cases:
        if isinstance(case.instances, NamedInputs):
            payload: dict[str, Any] = {"inputs": case.instances.values}
        elif takes == "image":
            payload = {"image": b64encode(case.instances[0]).decode()}
        else:
            payload = {KEYS[takes][0]: list(case.instances)}
        if takes == "tensors" or "inputs" not in payload:
            samples.append((case.name, payload))
    return samples


def sample_of(manifest: Manifest, number: str) -> dict[str, Any]:
    """Return one sample by its place in the list, counted from 0: no caller names a file.

    Raises:
        UnknownRouteError: no such sample; says how many there are.
    """
    samples = samples_of(manifest)
    if not _NUMBER.fullmatch(number) or int(number) >= len(samples):
        expected = f"0 to {len(samples) - 1}" if samples else "none: the model has no samples"
        raise UnknownRouteError([Problem("sample", expected, "another")])
    return samples[int(number)][1]
