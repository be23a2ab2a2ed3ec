"""What recipes say of themselves is true of what they do."""

from __future__ import annotations

from base64 import b64decode

import pytest

from model.predictor import Predictor
from model.recipes.base import name_key
from tests.model.bundle.bundles import ZOO


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_a_description_is_true(name: str) -> None:
    """The example is accepted, and the arrays and features are those that were announced."""
    predictor = Predictor.load(ZOO / name)
    recipe, said = predictor.recipe, predictor.recipe.describe()
    example = b64decode(said.example) if said.takes == "image" else said.example
    feeds = recipe.tensors([example, example], max_pixels=1 << 20)
    assert said.takes == recipe.takes
    assert {one.name: (one.dtype, one.shape[1:]) for one in said.tensors} == {
        name: (array.dtype.name, array.shape[1:]) for name, array in feeds.items()
    }
    features = recipe.features(feeds)
    assert tuple(features) == said.features
    assert {values.shape for values in features.values()} == {(2,)}
    assert len(predictor.predict([example])[0]) == 1


def test_names_are_alike_without_case_blanks_and_signs() -> None:
    """Two spellings of a name have one key; a name of nothing but signs keeps itself."""
    names = ["sepal length (cm)", "sepal_length_cm", "SepalLengthCm", " SEPAL.LENGTH.CM"]
    assert {name_key(name) for name in names} == {"sepallengthcm"}
    assert (name_key("#"), name_key("Größe"), name_key("x1")) == ("#", "grösse", "x1")
