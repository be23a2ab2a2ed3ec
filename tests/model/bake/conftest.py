"""A kitchen: bakings into a zoo of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model.bake import bake
from model.bake.errors import BakeError
from model.bake.weigh import Weight
from model.bundle.golden import verify_golden
from model.predictor import Predictor


@pytest.fixture(autouse=True)
def weighed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Weigh bundles in this process: a new one takes most of a second."""
    folders: list[Path] = []

    def weigh(folder: Path) -> Weight:
        folders.append(folder)
        return Weight(0.1, 1.0, 70.0, verify_golden(Predictor.load(folder)))

    monkeypatch.setattr("model.bake.finish.weigh", weigh)
    return folders


class Kitchen:
    """A zoo in a folder of its own, and what was said while baking into it."""

    def __init__(self, folder: Path) -> None:
        self.zoo = folder / "zoo"
        self.said: list[str] = []

    def bake(self, model: Any, **how: Any) -> Path:
        """Bake into the zoo; what is said is that of the last call."""
        self.said = []
        return bake(model, folder=self.zoo, say=self.said.append, **how)

    def line(self, word: str) -> str:
        """Return what was said of a step."""
        return next(line[11:] for line in self.said if line.startswith(f"{word} "))

    def refusal(self, model: Any, **how: Any) -> BakeError:
        """Return why a model is refused."""
        with pytest.raises(BakeError) as caught:
            self.bake(model, **how)
        return caught.value


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """Make an empty zoo."""
    return Kitchen(tmp_path)
