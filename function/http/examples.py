"""Instances and payloads that a model answers, for its card and for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from function.inputs import KEYS, NAMED, decoded_base64
from model.bundle.golden import read_golden
from model.elements import to_json
from model.errors import ModelError
from model.predictor import DEFAULT_MAX_PIXELS, Predictor
from model.tensors import NamedInputs

MOST_NUMBERS: Final = 256
"""An example with more numbers is not shown: nobody reads it, and a page would show it slowly."""


def example_of(predictor: Predictor) -> Any:
    """Return an instance that the model answers, as JSON; None where none is short and known."""
    description = predictor.recipe.describe()
    if description.takes in ("image", "text") or description.columns:
        return description.example
    # Only the bundle's owner knows what the model answers: it may refuse zeros.
    _, cases = read_golden(predictor.manifest.folder, predictor.task.labels)
    named = description.takes == "tensors"
    for instances in (case.instances for case in cases):
        if isinstance(instances, NamedInputs) is named:
            example = instances.values if isinstance(instances, NamedInputs) else instances[0]
            if _count(example) <= MOST_NUMBERS:
                return example
    example = description.example if named else None
    return example if example and _count(example) <= MOST_NUMBERS else None


def examples_of(predictor: Predictor) -> dict[str, Any]:
    """Return a payload for each key of which an example can be shown, the plainest first.

    Returns:
        {"rows": {"rows": […]}, "inputs": {"inputs": {…}}}; empty for a model that takes nothing
        but large tensors.
    """
    takes = predictor.recipe.describe().takes
    key, example = KEYS[takes][0], example_of(predictor)
    if example is None:
        return {}
    if key == NAMED:
        return {NAMED: {NAMED: example}}
    examples = {key: {key: example if key == takes else [example]}}
    with suppress(ModelError):  # a recipe of the bundle's own may refuse what seems plausible
        instance = decoded_base64(example, key) if takes == "image" else example
        feeds = predictor.recipe.tensors([instance], max_pixels=DEFAULT_MAX_PIXELS)
        if sum(array.size for array in feeds.values()) <= MOST_NUMBERS:
            examples[NAMED] = {NAMED: {name: to_json(array) for name, array in feeds.items()}}
    return examples


def instances_example(predictor: Predictor) -> dict[str, Any] | None:
    """Return the payload of one instance as other model servers' clients write it, if known."""
    example, takes = example_of(predictor), predictor.recipe.takes
    if example is None:
        return None
    if takes == "tensors":
        return {NAMED: example}
    return {"instances": [{"b64": example} if takes == "image" else example]}


def _count(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list) else 1
