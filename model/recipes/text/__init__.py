"""The recipe `text`: texts as they are, or as the ids of their tokens."""

from model.recipes.text.recipe import load

__all__ = ["load"]
