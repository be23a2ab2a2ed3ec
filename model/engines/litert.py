"""LiteRT, for `.tflite` models: the lightest of the engines."""

from __future__ import annotations

from threading import Lock
from typing import Any

from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from model.bundle.manifest import Manifest
from model.engines import unreadable
from model.engines.base import Matrix, require, require_shape, shape_of


def load(manifest: Manifest, content: bytes) -> LitertEngine:
    """
    Open an interpreter and hold its tensors against the manifest.

    Raises:
        ArtefactError: no LiteRT model, or another input or output than the manifest states.
    """
    path = manifest.artefact
    try:
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    except Exception as exc:
        raise unreadable(path, "LiteRT", exc) from exc
    # Converters rename tensors, so the manifest's names are not asked of a .tflite file.
    require(path, "the number of inputs", expected=1, got=len(inputs))
    require(path, "the number of outputs", expected=1, got=len(outputs))
    require(path, "an input of type", expected=manifest.dtype, got=inputs[0]["dtype"].__name__)
    got = shape_of(inputs[0]["shape_signature"].tolist())
    require_shape(path, "an input", expected=manifest.shape, got=got)
    require(path, "an output of type", expected="float32", got=outputs[0]["dtype"].__name__)
    got = shape_of(outputs[0]["shape_signature"].tolist())
    require_shape(path, "an output", expected=(-1, len(manifest.labels)), got=got)
    return LitertEngine(interpreter, inputs[0]["index"], outputs[0]["index"])


class LitertEngine:
    """An interpreter, resized where the batch is of another size than the last one."""

    def __init__(self, interpreter: Any, input_index: int, output_index: int) -> None:
        self._interpreter = interpreter
        self._input = input_index
        self._output = output_index
        self._shape: tuple[int, ...] = ()
        # An interpreter has one input and one output: of two threads each would read the other's.
        self._lock = Lock()

    def run(self, tensor: Matrix) -> NDArray[Any]:
        """Compute the probabilities, float32[N, C]."""
        with self._lock:
            if tensor.shape != self._shape:
                self._interpreter.resize_tensor_input(self._input, tensor.shape)
                self._interpreter.allocate_tensors()
                self._shape = tensor.shape
            self._interpreter.set_tensor(self._input, tensor)
            self._interpreter.invoke()
            result: NDArray[Any] = self._interpreter.get_tensor(self._output)
        return result
