"""The recipe `columns`: rows of a table, to one matrix or to an input per column."""

from model.recipes.columns.recipe import load

__all__ = ["load"]
