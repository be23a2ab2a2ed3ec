"""TensorFlow, for `.keras` models that cannot be exported: large and slow, and the reference."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from zipfile import is_zipfile

import keras
from numpy.typing import NDArray

from model.bundle.manifest import Manifest
from model.engines import unreadable
from model.engines.base import Matrix, require, require_shape, shape_of
from model.errors import ArtefactError


def load(manifest: Manifest, content: bytes) -> TensorflowEngine:
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
    if not is_zipfile(BytesIO(content)):  # of which Keras says "File not found"
        raise ArtefactError(path, expected="a .keras file, which is a zip archive", got="another")
    try:
        # By path, not by the hashed bytes: Keras takes no others. /var/task is read-only.
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        inputs, outputs = list(model.inputs), list(model.outputs)
    except Exception as exc:
        raise unreadable(path, "Keras", exc) from exc
    # Keras numbers its output tensors anew in each process, so only the input's name is asked.
    require(path, "the inputs", expected=[manifest.tensor], got=[node.name for node in inputs])
    require(path, "the number of outputs", expected=1, got=len(outputs))
    require(path, "an input of type", expected=manifest.dtype, got=inputs[0].dtype)
    require_shape(path, "an input", expected=manifest.shape, got=shape_of(inputs[0].shape))
    labels = (-1, len(manifest.labels))
    require_shape(path, "an output", expected=labels, got=shape_of(outputs[0].shape))
    return TensorflowEngine(model)


class TensorflowEngine:
    """A Keras model, called directly: `predict` costs a hundred times as much on small batches."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def run(self, tensor: Matrix) -> NDArray[Any]:
        """Compute the probabilities, float32[N, C]."""
        result: NDArray[Any] = self._model(tensor, training=False).numpy()
        return result
