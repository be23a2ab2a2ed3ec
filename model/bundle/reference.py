"""What a model's inputs and answers normally look like: the histograms of a bundle.

    {"schema": 2, "source": text,
     "inputs": [{"name", "edges", "counts"}, …], "answers": [{"name", "edges", "counts"}, …]}

Inputs are listed by the recipe's features, answers by the task's. Bin j holds the values above
edges[j - 1] up to edges[j]; there is one more count than edges. The file, `reference.json`, is
optional: a bundle that was made elsewhere need not have it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Manifest
from model.errors import ArtefactError

REFERENCE_FILE: Final = "reference.json"
SCHEMA: Final = 2
INPUTS: Final = "inputs"
ANSWERS: Final = "answers"

Counts = NDArray[np.float64]
Watched = tuple[str, str]
"""The side of the model, INPUTS or ANSWERS, and the feature: two may have the same name."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values fell into each bin: float32[B - 1] increasing edges, float64[B] counts."""

    name: str
    edges: NDArray[np.float32]
    counts: Counts

    def count(self, values: NDArray[Any]) -> Counts:
        """Count float[N] in these bins; NaN, a missing value, is in none."""
        # As float32, like inputs: if 0.2 is an edge, the 0.2 of a row must not be above it.
        values = values.astype(np.float32)
        bins = np.searchsorted(self.edges, values[~np.isnan(values)])
        return np.bincount(bins, minlength=len(self.counts)).astype(np.float64)


def read_reference(manifest: Manifest) -> dict[Watched, Histogram] | None:
    """Read a bundle's reference.

    Returns:
        The histograms of the inputs, then those of the answers; None if there is no file.

    Raises:
        ArtefactError: not of the form above, or not with this model's features.
    """
    path = manifest.folder / REFERENCE_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] == 1:
            document = _upgraded(document)
        if document["schema"] != SCHEMA:
            raise ArtefactError(path, expected=f"schema {SCHEMA}", got=document["schema"])
        reference = {
            (side, one["name"]): _histogram(one["name"], one["edges"], one["counts"])
            for side in (INPUTS, ANSWERS)
            for one in document[side]
        }
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ArtefactError(path, expected="a reference", got=exc.strerror) from exc
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as exc:
        form = '{"schema", "source", "inputs", "answers"}, edges and counts that fit'
        raise ArtefactError(path, expected=form, got=repr(exc)) from exc
    features = ((INPUTS, manifest.recipe.describe().features), (ANSWERS, manifest.task.features))
    for side, expected in features:
        names = [name for which, name in reference if which == side]
        if names != list(expected):
            raise ArtefactError(path, expected=f"{side} {', '.join(expected)}", got=names)
    return reference


def _upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """Convert a reference of schema 1, which knew only classifiers, to schema 2."""
    edges = [number + 0.5 for number in range(len(document["labels"]) - 1)]
    labels = {"name": "labels", "edges": edges, "counts": document["labels"]}
    return {
        **document,
        "schema": 2,
        "answers": [labels, {"name": "confidence", **document["confidence"]}],
    }


def _histogram(name: str, edges: Any, counts: Any) -> Histogram:
    """Make a histogram of what the file lists.

    Raises:
        ValueError: edges that do not rise, negative counts, or not one more count than edges.
    """
    histogram = Histogram(name, np.array(edges, np.float32), np.array(counts, np.float64))
    edges, counts = histogram.edges, histogram.counts
    if edges.ndim != 1 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise ValueError(f"{name}: expected edges that rise")
    if counts.shape != (len(edges) + 1,) or not np.isfinite(counts).all():
        raise ValueError(f"{name}: expected {len(edges) + 1} counts")
    if counts.min() < 0 or counts.sum() < 1:
        raise ValueError(f"{name}: expected counts from 0, not all 0")
    return histogram
