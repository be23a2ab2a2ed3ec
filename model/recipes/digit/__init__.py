"""The recipe `digit`: a picture of one handwritten digit as MNIST would have it."""

from model.recipes.digit.recipe import load

__all__ = ["load"]
