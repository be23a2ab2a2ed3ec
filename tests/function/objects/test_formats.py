"""JSON lines become instances one by one, and what is wrong with one costs no other."""

from __future__ import annotations

from typing import Any

import pytest

from function.objects.formats import json_lines
from function.objects.lines import lines_in
from function.service import Served, Service
from model.tensors import NamedInputs
from tests.function.objects.test_csv_rows import MARK, shown


def read(text: str, served: Served) -> list[tuple[int, Any]]:
    """Read whole JSON lines."""
    return shown(json_lines(lines_in([text.encode()], max_bytes=200_000), served))


def test_rows_of_json_lines(service: Service) -> None:
    """A line is a row, a list or an object; what it holds is the model's to judge."""
    text = '[1,2,3]\n\n{"a":1}\r\n7\nnull\n{"row":[1]}\n{"row":1,"x":2}\n'
    assert read(text, service.find("iris")) == [
        (1, [1, 2, 3]),
        (3, {"a": 1}),
        (4, 7),
        (5, None),
        (6, [1]),
        (7, {"row": 1, "x": 2}),
    ]


@pytest.mark.parametrize(
    "line", ["[1,2", MARK, "[" * 150_000, "9" * 5000, "{'a':1}"], ids=lambda line: line[:9]
)
def test_lines_that_are_no_json(service: Service, line: str) -> None:
    """What is no JSON is told for its line, without repeating it."""
    assert read(f"[1]\n{line}\n[2]", service.find("iris")) == [
        (1, [1]),
        (2, "line: expected JSON, got something else"),
        (3, [2]),
    ]


def test_pictures_of_json_lines(service: Service) -> None:
    """A picture is base64 in an object, alone."""
    text = '{"image":"QUJD"}\n{"image":"!"}\n{"image":"","x":1}\n["QUJD"]\n{"image":7}\n{'
    expected = '{"image": …} or {"inputs": …}'
    assert read(text, service.find("digits")) == [
        (1, b"ABC"),
        (2, "image: expected base64, got a text that is not base64: U+0021 after 0 characters"),
        (3, f"line: expected {expected}, got other keys"),
        (4, f"line: expected {expected}, got a list"),
        (5, "image: expected base64 in a text, got a number"),
        (6, "line: expected JSON, got something else"),
    ]


def test_inputs_of_json_lines(service: Service) -> None:
    """A line may hold the tensors of one instance, for any model."""
    line = '{"inputs":{"rows":[[1,2,3,4]]}}'
    two = '{"inputs":{"rows":[[1,2,3,4],[1,2,3,4]]}}'
    found = read(f'{line}\n{two}\n{{"inputs":7}}', service.find("iris"))
    assert found == [
        (1, NamedInputs({"rows": [[1, 2, 3, 4]]})),
        (2, "inputs: expected one instance a line, got 2"),
        (3, "inputs: expected an object with rows, got a number"),
    ]
