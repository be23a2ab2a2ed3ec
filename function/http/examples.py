"""Instances and payloads that a model answers, for its card and for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from function.inputs import KEYS, NAMED, decoded_base64
from model.bundle.golden import read_golden
from model.elements import to_json
from model.predictor import DEFAULT_MAX_PIXELS, Predictor
from model.tensors import NamedInputs

MOST_NUMBERS: Final = 256
"""An example with more numbers is not shown: nobody reads it, and a page would show it slowly."""


def example_of(predictor: Predictor) -> Any:
    """Return an instance that the model answers, as JSON; None where it would be too large."""
    description = predictor.recipe.describe()
    if description.takes != "tensors":
        return description.example
    example = _golden_inputs(predictor) or description.example
    return example if example and _count(example) <= MOST_NUMBERS else None


def examples_of(predictor: Predictor) -> dict[str, Any]:
    """Return a payload for each key of which an example can be shown, the plainest first.

    Returns:
        {"rows": {"rows": […]}, "inputs": {"inputs": {…}}}; empty for a model that takes nothing
        but large tensors.
    """
    takes = predictor.recipe.describe().takes
    key, example = KEYS[takes][0], example_of(predictor)
    if key == NAMED:
        return {} if example is None else {NAMED: {NAMED: example}}
    examples = {key: {key: example if key == takes else [example]}}
    instance = decoded_base64(example, key) if takes == "image" else example
    feeds = predictor.recipe.tensors([instance], max_pixels=DEFAULT_MAX_PIXELS)
    if sum(array.size for array in feeds.values()) <= MOST_NUMBERS:
        named = {name: to_json(array) for name, array in feeds.items()}
        examples[NAMED] = {NAMED: named}
    return examples


def _golden_inputs(predictor: Predictor) -> Mapping[str, Any] | None:
    """Return tensors that the bundle says the model answers; zeros may be refused by some."""
    manifest = predictor.manifest
    _, cases = read_golden(manifest.folder, predictor.task.labels)
    found = (one.instances.values for one in cases if isinstance(one.instances, NamedInputs))
    return next(found, None)


def _count(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list) else 1
