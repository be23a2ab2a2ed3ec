"""
What a model's inputs and answers look like when all is well: the histograms of a bundle.

    {"schema": 1, "source": text, "inputs": [{"name", "edges", "counts"}, …],
     "labels": counts, "confidence": {"edges", "counts"}}

Bin j holds the values above edges[j - 1] up to edges[j]; there is one more count than edges. The
file is `reference.json`, optional: a bundle that was made elsewhere need not have it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.manifest import Manifest
from model.errors import ArtefactError

REFERENCE_FILE: Final = "reference.json"
SCHEMA: Final = 1
LABELS: Final = "labels"
CONFIDENCE: Final = "confidence"

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often a value fell into each bin: float32[B - 1] increasing edges, float64[B] counts."""

    name: str
    edges: NDArray[np.float32]
    counts: Counts

    def count(self, values: NDArray[Any]) -> Counts:
        """Count float[N] into these bins."""
        # As float32, which inputs are: 0.2 is an edge, and the 0.2 of a row must not be above it.
        bins = np.searchsorted(self.edges, values.astype(np.float32))
        return np.bincount(bins, minlength=len(self.counts)).astype(np.float64)


def read_reference(manifest: Manifest, features: Sequence[str]) -> list[Histogram] | None:
    """
    Read a bundle's reference.

    Args:
        manifest: of the bundle.
        features: what the model's recipe watches, in order.

    Returns:
        The inputs' histograms, then those of the labels and of the confidences; None: no file.

    Raises:
        ArtefactError: not of the form above, or not of this model's features and labels.
    """
    path = manifest.folder / REFERENCE_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ArtefactError(path, expected=f"schema {SCHEMA}", got=document["schema"])
        inputs = [
            _histogram(one["name"], one["edges"], one["counts"]) for one in document["inputs"]
        ]
        confidence = document["confidence"]
        between = np.arange(len(manifest.labels) - 1) + 0.5
        outputs = [
            _histogram(LABELS, between, document["labels"]),
            _histogram(CONFIDENCE, confidence["edges"], confidence["counts"]),
        ]
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ArtefactError(path, expected="a reference", got=exc.strerror) from exc
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as exc:
        form = '{"schema", "source", "inputs", "labels", "confidence"}, edges and counts that fit'
        raise ArtefactError(path, expected=form, got=repr(exc)) from exc
    names = [one.name for one in inputs]
    if names != list(features):
        raise ArtefactError(path, expected=f"inputs {', '.join(features)}", got=names)
    return [*inputs, *outputs]


def _histogram(name: str, edges: Any, counts: Any) -> Histogram:
    """
    Raises:
        ValueError: edges that do not rise, counts below 0, or not one more of them.
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
