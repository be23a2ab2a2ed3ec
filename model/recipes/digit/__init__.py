"""The recipe `digit`: a picture of one handwritten digit, normalised as in MNIST."""

from model.recipes.digit.recipe import load

__all__ = ["load"]
