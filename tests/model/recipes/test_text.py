"""Texts: as they are, or as the ids of their tokens."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from model.bundle.table import Table
from model.errors import ArtefactError, InputError
from model.recipes.text import load
from model.recipes.text.recipe import Text
from model.tensors import Tensor

VOCABULARY = {"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "hello": 3, "world": 4}
IDS = Tensor("input_ids", "int64", (-1, -1))
MASK = Tensor("attention_mask:0", "int32", (-1, -1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tokenizer of two words, which begins each text with [CLS]."""
    tokenizer = Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", 2)]
    )
    folder = tmp_path_factory.mktemp("bundle")
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def tokens(folder: Path) -> dict[str, Any]:
    """Return the settings that name the tokenizer."""
    digest = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    return {"tokenizer": "tokenizer.json", "sha256": digest}


def recipe_of(folder: Path, settings: dict[str, Any], *inputs: Tensor) -> Text:
    """Open the recipe with these settings, all of them right and read."""
    table = Table(folder, settings, [])
    recipe = load(table, inputs)
    table.close()
    assert [str(problem) for problem in table.problems] == []
    assert recipe
    return recipe


@pytest.mark.parametrize(
    ("shape", "instances", "expected"),
    [
        ((-1,), ["a", ""], ["a", ""]),
        ((-1, 1), ["a", "Zürich"], [["a"], ["Zürich"]]),
        ((-1, -1), ["a"], [["a"]]),
        ((-1, 2), [["a", "b"], ("c", "d")], [["a", "b"], ["c", "d"]]),
        ((-1, 2), [], []),
    ],
)
def test_texts_are_taken_as_they_are(
    shape: tuple[int, ...], instances: list[Any], expected: list[Any]
) -> None:
    """An instance is a text, or as many as the input is wide."""
    recipe = recipe_of(Path(), {}, Tensor("text", "string", shape))
    feeds = recipe.tensors(instances, max_pixels=0)
    assert feeds["text"].dtype == object
    assert feeds["text"].tolist() == expected
    said = recipe.describe()
    example = recipe.tensors([said.example], max_pixels=0)["text"]
    assert (said.takes, said.plural, said.features) == ("text", "texts", ())
    assert (-1, *example.shape[1:]) == said.tensors[0].shape
    assert recipe.features(feeds) == {}


LONG = "texts[1]: expected a text of at most 5 characters, got"


@pytest.mark.parametrize(
    ("width", "instance", "expected"),
    [
        (1, None, f"{LONG} null"),
        (1, 5, f"{LONG} a number"),
        (1, ["a"], f"{LONG} a list"),
        (1, "abcdef", f"{LONG} one of 6"),
        (1, "\ud800", f"{LONG} a text with half a surrogate pair"),
        (2, "ab", "texts[1]: expected a list of 2 texts, got a string"),
        (2, ["a"], "texts[1]: expected a list of 2 texts, got 1"),
        (2, ["a", None], "texts[1][1]: expected a text of at most 5 characters, got null"),
    ],
)
def test_what_is_no_text_is_refused(width: int, instance: Any, expected: str) -> None:
    """The text is named by its place, and never repeated."""
    recipe = recipe_of(Path(), {"max_characters": 5}, Tensor("text", "string", (-1, width)))
    fine = "a" if width == 1 else ["a", "b"]
    with pytest.raises(InputError) as caught:
        recipe.tensors([fine, instance], max_pixels=0)
    assert str(caught.value) == expected
    with pytest.raises(InputError) as caught:
        recipe.tensors([instance] * 50, max_pixels=0)
    assert len(caught.value.problems) == 10


def test_texts_become_tokens(folder: Path) -> None:
    """Ids and masks are padded to the longest text with the vocabulary's own padding."""
    types = Tensor("types", "int64", (-1, -1))
    places = Tensor("position_ids", "int64", (-1, -1))
    settings = tokens(folder) | {"token_type_ids": "types"}
    recipe = recipe_of(folder, settings, IDS, MASK, types, places)
    feeds = recipe.tensors(["hello world", "hello"], max_pixels=0)
    assert feeds["input_ids"].tolist() == [[2, 3, 4], [2, 3, 1]]
    assert feeds["attention_mask:0"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert feeds["attention_mask:0"].dtype == np.int32
    assert feeds["types"].tolist() == [[0, 0, 0]] * 2
    assert feeds["position_ids"].tolist() == [[0, 1, 2]] * 2
    assert recipe.describe().tensors == (IDS, MASK, types, places)


def test_the_files_own_padding_is_kept(folder: Path, tmp_path: Path) -> None:
    """A decoder's tokenizer pads on the left, and says so in its file."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(direction="left", pad_id=4)
    tokenizer.enable_truncation(2)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    recipe = recipe_of(tmp_path, tokens(tmp_path), IDS)
    feeds = recipe.tensors(["hello world", ""], max_pixels=0)
    assert feeds["input_ids"].tolist() == [[2, 3], [4, 2]]


@pytest.mark.parametrize(
    ("settings", "shape", "ids"),
    [
        ({}, (-1, 4), [2, 3, 0, 1]),
        ({"max_length": 4, "padding": "max_length"}, (-1, -1), [2, 3, 0, 1]),
        ({"max_length": 2}, (-1, -1), [2, 3]),
        ({}, (-1, 2), [2, 3]),
    ],
)
def test_a_length_may_be_fixed(
    folder: Path, settings: dict[str, Any], shape: tuple[int, ...], ids: list[int]
) -> None:
    """By the inputs' shape or by the settings: longer texts are cut, shorter ones padded."""
    recipe = recipe_of(folder, tokens(folder) | settings, Tensor("ids", "int64", shape))
    assert recipe.tensors(["hello moon"], max_pixels=0)["ids"].tolist() == [ids]


@pytest.mark.parametrize(
    ("settings", "inputs", "expected"),
    [
        (
            {},
            [IDS],
            "inputs: expected one input of texts, string of shape [-1], [-1, 1] or [-1, K]; or a "
            "tokenizer, got input_ids: int64 of shape [-1, -1]",
        ),
        (
            {"tokenizer": "none.json", "sha256": "0" * 64},
            [IDS],
            "tokenizer: expected a file 'none.json' beside the manifest, "
            "got No such file or directory",
        ),
        (
            {"tokenizer": "tokenizer.json"},
            [Tensor("x", "int64", (-1, -1)), Tensor("mask", "float32", (-1, -1))],
            "input_ids: expected input_ids, attention_mask, token_type_ids, position_ids = 'x', "
            "got none of these; tokenizer: expected inputs of int64 or int32, [-1, -1], "
            "got mask: float32 of shape [-1, -1]; sha256: expected a text, got nothing",
        ),
    ],
)
def test_wrong_settings_are_noted(
    folder: Path, settings: dict[str, Any], inputs: list[Tensor], expected: str
) -> None:
    """A file that is missing, and inputs that no text makes."""
    table = Table(folder, settings, [])
    load(table, tuple(inputs))
    assert "; ".join(map(str, table.problems)) == expected


def test_another_tokenizer_than_was_baked_is_refused(folder: Path, tmp_path: Path) -> None:
    """Its hash is the manifest's; and a file that is no tokenizer is named."""
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    table = Table(tmp_path, tokens(folder), [])
    assert load(table, (IDS,)) is None
    assert str(table.problems[0]).startswith("sha256: expected that of tokenizer.json, got ")
    table = Table(tmp_path, tokens(tmp_path), [])
    with pytest.raises(ArtefactError, match=r"tokenizer\.json: expected a tokenizer\.json, got"):
        load(table, (IDS,))


def test_settings_of_a_tokenizer_must_fit(folder: Path) -> None:
    """A name that is no input, and a length beside the inputs' own, are told."""
    settings = tokens(folder) | {"max_length": 8, "attention_mask": "masks"}
    table = Table(folder, settings, [])
    load(table, (Tensor("ids", "int64", (-1, 4)),))
    assert [str(problem) for problem in table.problems] == [
        "attention_mask: expected one of ids, got 'masks'",
        "max_length: expected 4, as the inputs have it, got 8",
    ]
