"""ONNX Runtime, which serves everything: nearly every other format converts to it exactly."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

# Before the import, which otherwise starts a thread that reports to Microsoft and writes an
# identifier to the home folder. Source: ONNX Runtime's docs/Privacy.md.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnxruntime

from model.bundle.manifest import Manifest
from model.engines import unreadable
from model.engines.base import Array, require_shape, require_tensors
from model.errors import ArtefactError
from model.tensors import Tensor

_TYPE: Final = re.compile(r"(?:seq\(map\(\w+,)?tensor\((\w+)\)+")
"""A tensor, or skl2onnx's ZipMap: one dictionary per instance, from label to probability."""

_DTYPES: Final = {"float": "float32", "double": "float64"}
"""Types that ONNX names differently from NumPy."""

_LOCALE: Final = "en_US.UTF-8"
_C_LOCALES: Final = ("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")


def load(manifest: Manifest, content: bytes) -> OnnxEngine:
    """Open a session and compare its tensors with the manifest.

    Raises:
        ArtefactError: not an ONNX model, or with inputs or outputs that the manifest does not
            state.
    """
    path = manifest.artefact
    try:
        session = _session_of(content)
    except Exception as exc:
        raise unreadable(path, "ONNX Runtime", exc) from exc
    inputs, outputs = _tensors_of(session.get_inputs()), _tensors_of(session.get_outputs())
    stated = [one.name for one in manifest.inputs]
    if sorted(stated) != sorted(inputs):
        raise ArtefactError(path, expected=f"the inputs {stated}", got=list(inputs))
    require_tensors(path, "input", expected=manifest.inputs, got=inputs)
    require_tensors(path, "output", expected=manifest.outputs, got=outputs)
    for tensor in manifest.inputs:
        one_by_one = manifest.batch == 1 and tensor.shape[:1] == (-1,)
        shape = (1, *tensor.shape[1:]) if one_by_one else tensor.shape
        require_shape(path, Tensor(tensor.name, tensor.dtype, shape), inputs[tensor.name])
    return OnnxEngine(session, [one.name for one in manifest.outputs])


def _session_of(content: bytes) -> Any:
    """Open a session; StringNormalizer gets the locale that it asks for, installed or not."""
    providers = ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(content, _options(), providers=providers)
    except Exception as exc:
        if f"construct locale with name:{_LOCALE}" not in str(exc):
            raise
    with _substitute_locale():
        return onnxruntime.InferenceSession(content, _options(), providers=providers)


@contextmanager
def _substitute_locale() -> Iterator[None]:
    """Let the C library find C.UTF-8 under the name en_US.UTF-8, for as long as a session opens.

    Lambda's base image has no other locale. StringNormalizer uses letter case only, which both
    have from one table: LC_CTYPE is the same file, byte for byte.
    """
    before = os.environ.get("LOCPATH")
    with TemporaryDirectory() as folder:
        for path in filter(os.path.isdir, _C_LOCALES):
            Path(folder, _LOCALE).symlink_to(path)
            break
        os.environ["LOCPATH"] = folder
        try:
            yield
        finally:
            del os.environ["LOCPATH"]
            if before is not None:
                os.environ["LOCPATH"] = before


def _tensors_of(nodes: Sequence[Any]) -> dict[str, Tensor]:
    """Return a session's tensors as ours: names, None and zero mean an axis of any size."""
    tensors = {}
    for node in nodes:
        found = _TYPE.fullmatch(node.type)
        dtype = _DTYPES.get(found[1], found[1]) if found else node.type
        axes = node.shape if found and node.type == found[0] else ()
        shape = tuple(axis if isinstance(axis, int) and axis > 0 else -1 for axis in axes or ())
        tensors[node.name] = Tensor(node.name, dtype, shape)
    return tensors


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # A function of 1,769 MB has one vCPU, and small models lose time by dividing work.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Its lines would break up our JSON log lines; what fails is raised as well.
    options.log_severity_level = 4
    return options


class OnnxEngine:
    """A session and the names of the outputs to compute."""

    def __init__(self, session: Any, outputs: list[str]) -> None:
        self._session = session
        self._outputs = outputs

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the outputs; a ZipMap becomes [N, C], with its labels in order."""
        results = self._session.run(self._outputs, dict(feeds))
        return dict(zip(self._outputs, map(_array_of, results), strict=True))


def _array_of(result: Any) -> Array:
    if not isinstance(result, list):
        array: Array = result
        return array
    labels = sorted(result[0])
    return np.array([[one[label] for label in labels] for one in result], np.float32)
