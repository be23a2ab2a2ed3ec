"""One file or folder a recipe; the folder is the list."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from model.recipes.base import Recipe

if TYPE_CHECKING:
    from model.bundle.manifest import Manifest


def open_recipe(manifest: Manifest) -> Recipe:
    """Open the recipe that a manifest names."""
    recipe: Recipe = import_module(f"model.recipes.{manifest.recipe}").load(manifest)
    return recipe
