"""Instances and inputs as the clients of other model servers write them.

    {"instances": [[5.1, 3.5], {"width": 2}, "a text", {"b64": "…"}, {"input": [[…]]}]}
    {"inputs": {"input": [[…], […]]}}           or without the name, if the model has one input

A model takes what its recipe takes, or else its own tensors. Bytes are `{"b64": …}`.

Source: TensorFlow Serving, RESTful API, "Predict API"; Vertex AI and MLflow have the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from function.errors import InvalidError
from function.inputs import decoded, decoded_base64, list_of
from function.service import Served
from model.errors import Problem, kind_of
from model.recipes.base import name_key
from model.tensors import Instances, NamedInputs


def instances_of_list(values: Any, served: Served) -> Instances:
    """Read `instances`: one after the other.

    Raises:
        InvalidError: no list, too few or too many, or instances that the model does not take.
    """
    some = list_of(values, "instances", served)
    takes = served.recipe.takes
    if takes == "image":
        pictures = [_base64_in(value) for value in some]
        if None not in pictures:
            return decoded(pictures, "instances")
    if takes == "text" and all(isinstance(value, str) for value in some):
        return some
    if takes == "row" and not _are_tensors(some[0], served):
        return [
            {name: _scalar(value) for name, value in row.items()} if isinstance(row, dict) else row
            for row in some
        ]
    if isinstance(some[0], Mapping):
        return NamedInputs(_by_name(some, list(some[0])))
    return NamedInputs({_only_input(served, "instances"): _without_b64(some)})


def instances_of_columns(values: Any, served: Served) -> Instances:
    """Read `inputs`: tensors or columns of all instances, by name; or the only input.

    Raises:
        InvalidError: columns of different lengths, or no name where there are several inputs.
    """
    if not isinstance(values, Mapping):
        is_list = isinstance(values, list) and values
        if is_list and served.recipe.takes in ("image", "text", "row"):
            return instances_of_list(values, served)
        return NamedInputs({_only_input(served, "inputs"): _without_b64(values)})
    if served.recipe.takes == "row" and not _are_tensors(values, served):
        columns = {name: _flat(column) for name, column in values.items()}
        if len({len(column) for column in columns.values()}) != 1:
            raise InvalidError([Problem("inputs", "columns of one length", "others")])
        rows = zip(*columns.values(), strict=True)
        return list_of([dict(zip(columns, row, strict=True)) for row in rows], "inputs", served)
    return NamedInputs({name: _without_b64(value) for name, value in values.items()})


def _are_tensors(value: Any, served: Served) -> bool:
    """Whether an object is by the names of the model's inputs rather than of a row's columns."""
    if not isinstance(value, Mapping) or not served.description.columns:
        return False
    columns = {name_key(column.name) for column in served.description.columns}
    named = {one.name for one in served.manifest.inputs}
    return value.keys() == named and not columns & set(map(name_key, value))


def _by_name(instances: Sequence[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    for index, one in enumerate(instances):
        if not isinstance(one, Mapping) or one.keys() != set(names):
            expected = "an object with the names of the first"
            raise InvalidError([Problem(f"instances[{index}]", expected, kind_of(one))])
    return {name: [_without_b64(one[name]) for one in instances] for name in names}


def _only_input(served: Served, where: str) -> str:
    names = [one.name for one in served.manifest.inputs]
    if len(names) != 1:
        raise InvalidError([Problem(where, f"objects with {', '.join(names)}", "no names")])
    return names[0]


def _base64_in(value: Any) -> Any:
    """Return a picture's base64: alone, as {"b64": …}, or under one name; None if it is none."""
    if isinstance(value, Mapping) and len(value) == 1:
        return _base64_in(next(iter(value.values())))
    return value if isinstance(value, str) else None


def _without_b64(value: Any) -> Any:
    """Replace bytes, wherever they stand in a tensor, by the texts that they are."""
    if isinstance(value, list):
        # Numbers, of which there may be a million, are left alone.
        return [_without_b64(one) if isinstance(one, list | dict) else one for one in value]
    if isinstance(value, Mapping) and value.keys() == {"b64"}:
        try:
            return decoded_base64(value["b64"], "b64").decode()
        except UnicodeDecodeError as exc:
            raise InvalidError([Problem("b64", "text in UTF-8", "other bytes")]) from exc
    return value


def _flat(column: Any) -> list[Any]:
    """Return a column, [N] or [N, 1], as [N]."""
    return list(map(_scalar, column if isinstance(column, list) else [column]))


def _scalar(value: Any) -> Any:
    """Return the only value of a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
