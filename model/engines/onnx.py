"""ONNX Runtime, the default engine."""

from __future__ import annotations

import os
from typing import Any

# Before the import, which else starts a thread that reports to Microsoft and leaves an identifier
# in the home folder. Source: ONNX Runtime's docs/Privacy.md.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from numpy.typing import NDArray

from model.bundle.manifest import Manifest
from model.engines import unreadable
from model.engines.base import Matrix, require, require_shape, shape_of


def load(manifest: Manifest, content: bytes) -> OnnxEngine:
    """
    Open a session and hold its tensors against the manifest.

    Raises:
        ArtefactError: no ONNX model, or another input or output than the manifest states.
    """
    path = manifest.artefact
    try:
        session = onnxruntime.InferenceSession(
            content, _options(), providers=["CPUExecutionProvider"]
        )
    except Exception as exc:
        raise unreadable(path, "ONNX Runtime", exc) from exc
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: node for node in session.get_outputs()}
    require(path, "the inputs", expected=[manifest.tensor], got=list(inputs))
    node = inputs[manifest.tensor]
    require(path, "an input of type", expected="tensor(float)", got=node.type)
    require_shape(path, "an input", expected=manifest.shape, got=shape_of(node.shape))
    if manifest.output_tensor not in outputs:
        require(path, "an output", expected=manifest.output_tensor, got=list(outputs))
    node = outputs[manifest.output_tensor]
    require(path, "an output of type", expected="tensor(float)", got=node.type)
    labels = (-1, len(manifest.labels))
    require_shape(path, "an output", expected=labels, got=shape_of(node.shape))
    return OnnxEngine(session, manifest.tensor, manifest.output_tensor)


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # One vCPU is what a function of 1,769 MB has, and small models lose by handing work around.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3  # its warnings would stand between our JSON log lines
    return options


class OnnxEngine:
    """A session and the names of its two tensors."""

    def __init__(self, session: Any, tensor: str, output_tensor: str) -> None:
        self._session = session
        self._tensor = tensor
        self._outputs = [output_tensor]

    def run(self, tensor: Matrix) -> NDArray[Any]:
        """Compute the probabilities, float32[N, C]."""
        result: NDArray[Any] = self._session.run(self._outputs, {self._tensor: tensor})[0]
        return result
