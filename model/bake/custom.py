"""Take a recipe.py into a bundle: two functions of the model's owner, for what no recipe covers."""

from __future__ import annotations

import ast
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from model import tenants
from model.bake.answers import Answering
from model.bake.errors import BakeError, require_file
from model.bake.infer import Guess, Taken
from model.bake.samples import Sample
from model.recipes.base import TABLES

FILE: Final = "recipe.py"
_FORM: Final = (
    "def prepare(instances): … returns arrays by input name; "
    "def answer(outputs, count): … returns one object an instance; either may be missing"
)


def is_named(recipe: str) -> bool:
    """Whether a recipe is one of model/recipes, and no file."""
    return tenants.has("model.recipes", recipe)


@dataclass(frozen=True, slots=True)
class Custom:
    """A recipe.py: whether it prepares instances, answers, or both; its hash."""

    prepares: bool
    answers: bool
    sha256: str

    def taken(self, taken: Taken) -> Taken:
        """Put it into what the manifest says of the inputs."""
        table = {"file": FILE, "sha256": self.sha256, "takes": taken.takes}
        if self.prepares:
            settings: dict[str, Any] = {"recipe": "custom", "custom": table}
        else:
            tables = [key for key, value in taken.settings.items() if isinstance(value, dict)]
            named = TABLES.get(tables[0], tables[0]) if tables else "tensors"
            settings = {"recipe": named, **taken.settings, "custom": table}
        return replace(taken, settings=settings)

    @staticmethod
    def answering() -> Answering:
        """Answer by it."""
        guess = Guess("task", "custom", "recipe.py has answer()")
        return Answering(task="custom", settings={}, guesses=(guess,))

    @staticmethod
    def require_samples(samples: Sequence[Sample]) -> None:
        """Refuse to bake it unseen.

        Raises:
            BakeError: there is no sample with the answer that must come.
        """
        if not any(one.answer is not None for one in samples):
            raise BakeError(
                "a recipe.py needs a sample whose answer is known",
                "Bake with --sample FILE=ANSWER",
            )


def read_custom(recipe: str, folder: Path) -> Custom | None:
    """Read a recipe.py, and copy it into the bundle's folder; None: there is none.

    Args:
        recipe: its path; or the name of a recipe of model/recipes, or nothing.
        folder: the bundle's.

    Raises:
        BakeError: it cannot be read, is no Python, or has neither function.
    """
    if not recipe or is_named(recipe):
        return None
    path = Path(recipe)
    if not path.suffix and not path.exists():
        ours = tenants.names_in("model.recipes")
        raise BakeError(f"--recipe: expected a recipe.py or one of {ours}, got {recipe!r}")
    require_file("--recipe", path)
    try:
        content = path.read_bytes()
        tree = ast.parse(content, str(path))
    except (OSError, SyntaxError, ValueError) as exc:
        raise BakeError(f"--recipe: {path} cannot be read: {exc}") from exc
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if not names & {"prepare", "answer"}:
        raise BakeError(f"--recipe: {path} has neither prepare nor answer", _FORM)
    shutil.copyfile(path, folder / FILE)
    return Custom("prepare" in names, "answer" in names, hashlib.sha256(content).hexdigest())
