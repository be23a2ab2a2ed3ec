"""
TensorFlow, for `.keras` models that cannot be exported: large and slow, and the reference.
"""

from __future__ import annotations

from typing import Any

import keras
from numpy.typing import NDArray

from model.engines import unreadable
from model.engines.base import Matrix, require_shape, shape_of
from model.errors import ArtefactError
from model.manifest import Manifest


def load(manifest: Manifest, _content: bytes) -> TensorflowEngine:
    """
    Open a Keras model and hold its tensors against the manifest.

    Raises:
        ArtefactError: no `.keras` file, code inside it, or another input or output than stated.

    Source: keras.io, `load_model`: safe_mode refuses to deserialise lambdas, which could run
    anything; the older .h5 format ignores it (CVE-2025-9905), so .keras only.
    """
    path = manifest.artefact
    if path.suffix != ".keras":
        raise ArtefactError(path, expected="a file that ends in .keras", got=path.name)
    try:
        # By path, not by the hashed bytes: Keras takes no others. /var/task is read-only.
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as exc:
        raise unreadable(path, "Keras", exc) from exc
    require_shape(path, "an input", expected=manifest.shape, got=shape_of(model.input_shape))
    labels = (-1, len(manifest.labels))
    require_shape(path, "an output", expected=labels, got=shape_of(model.output_shape))
    return TensorflowEngine(model)


class TensorflowEngine:
    """A Keras model, called directly: `predict` costs a hundred times as much on small batches."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def run(self, tensor: Matrix) -> NDArray[Any]:
        """
        Compute the probabilities, float32[N, C].
        """
        result: NDArray[Any] = self._model(tensor, training=False).numpy()
        return result
