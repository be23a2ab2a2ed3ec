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
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument

from model.bundle.manifest import Manifest
from model.engines.base import (
    Array,
    OperatorError,
    RefusedError,
    require_shape,
    require_tensors,
)
from model.errors import ArtefactError
from model.tensors import Tensor

_TYPE: Final = re.compile(r"(?:seq\(map\(\w+,)?tensor\((\w+)\)+")
"""A tensor, or skl2onnx's ZipMap: one dictionary per instance, from label to probability."""

_DTYPES: Final = {"float": "float32", "double": "float64"}
"""Types that ONNX names differently from NumPy."""

_MB_OF_ONE_CPU: Final = 1769
"""Source: Lambda, "Configure memory": at 1,769 MB a function has the equivalent of one vCPU."""

_MOST_CPUS: Final = 6
"""Source: the same page, at 10,240 MB."""

SMALL_BYTES: Final = 1_000_000
"""A smaller model file gets one thread.

Two threads instead of one, best of 150 runs on two cores, took 0.012 instead of 0.012 ms for
dense layers of 0.03 MB, 0.045 instead of 0.057 of 2 MB, 1.35 instead of 1.99 of 34 MB, and 0.047
instead of 0.044 for convolutions of 0.03 MB, 1.1 instead of 1.4 of 0.5 MB, 6.7 instead of 9.3 of
0.7 MB. So a small model wins little, and thirty of them in one function would start 150 threads.
"""

_LOCALE: Final = "en_US.UTF-8"
_C_LOCALES: Final = ("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")

_WEIGHTS_FOLDER: Final = "session.model_external_initializers_file_folder_path"

_RUNTIME: Final = f"ONNX Runtime {onnxruntime.__version__}"

_CAUSES: Final = (
    (
        r"Opset (\d+) is under development.* for domain (\S+) is till opset (\d+)",
        rf"at most opset {{2}} of {{1}}, which {_RUNTIME} reads up to",
        "opset {0}",
    ),
    (
        r"Unsupported model IR version: (\d+), max supported IR version: (\d+)",
        rf"at most IR version {{1}}, which {_RUNTIME} reads up to",
        "IR version {0}",
    ),
    (
        r"failed:(?:Fatal error: )?(?:([\w.-]+):)?([\w.-]+)\(-?\d+\) is not a registered function",
        f"operators that {_RUNTIME} has",
        "{1} of the domain {0}",
    ),
    (
        r"No Op registered for (\S+) with domain_version of (\d+)",
        f"operators that {_RUNTIME} has",
        "{0} of opset {1}",
    ),
    (
        r"Could not find an implementation for ([\w.-]+)\((\d+)\)",
        f"operators that {_RUNTIME} has, for the types that the model gives them",
        "{0} as of opset {1}",
    ),
    (
        r"Failed to construct locale with name:([\w.@-]+)",
        "the locale {0} on this machine, for the model's StringNormalizer",
        "none of that name",
    ),
    (
        rf'External data path does not exist: "{os.devnull}/(.*?)"',
        "weights in the one file whose hash is in the manifest, as `lambake bake` puts them",
        "weights in {0}",
    ),
)
"""What ONNX Runtime says where it cannot open a model; what was expected, and what it got."""

_NOISE: Final = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed:|/onnxruntime_src/\S+:\d+ "
)


def load(manifest: Manifest) -> OnnxEngine:
    """Open a session and compare its tensors with the manifest.

    Raises:
        ArtefactError: not an ONNX model, or with inputs or outputs that the manifest does not
            state.
    """
    path = manifest.artefact
    try:
        session = open_session(path)
    except Exception as exc:
        raise _unreadable(path, str(exc)) from exc
    inputs, outputs = tensors_of(session.get_inputs()), tensors_of(session.get_outputs())
    stated = [one.name for one in manifest.inputs]
    if sorted(stated) != sorted(inputs):
        raise ArtefactError(path, expected=f"the inputs {stated}", got=list(inputs))
    require_tensors(path, "input", expected=manifest.inputs, got=inputs)
    require_tensors(path, "output", expected=manifest.outputs, got=outputs)
    exact_batch = False
    for tensor in manifest.inputs:
        got = inputs[tensor.name]
        if tensor.has_batch and got.shape[:1] == (manifest.batch,):
            exact_batch = True
            tensor = Tensor(tensor.name, tensor.dtype, (got.shape[0], *tensor.shape[1:]))
        require_shape(path, tensor, got)
    return OnnxEngine(session, [one.name for one in manifest.outputs], exact_batch=exact_batch)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a session as it is served; StringNormalizer gets the locale that it asks for.

    The session reads the file by itself: a model of 604 MB took 710 MB at most, against 1,730 MB
    when its bytes were handed over.

    Raises:
        Exception: whatever ONNX Runtime raises.
    """
    options, providers = _options(path.stat().st_size), ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as exc:
        if f"construct locale with name:{_LOCALE}" not in str(exc):
            raise
    with _substitute_locale():
        return onnxruntime.InferenceSession(path, options, providers=providers)


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


def _unreadable(path: Path, message: str) -> ArtefactError:
    """Return the error for a model file that ONNX Runtime cannot open, with its whole cause."""
    message = " ".join(message.split())
    for pattern, expected, got in _CAUSES:
        if found := re.search(pattern, message):
            return ArtefactError(
                path, expected=expected.format(*found.groups()), got=got.format(*found.groups())
            )
    reason = _NOISE.sub("", message)
    return ArtefactError(path, expected=f"a model that {_RUNTIME} reads", got=reason)


def tensors_of(nodes: Sequence[Any]) -> dict[str, Tensor]:
    """Return a session's tensors as ours: names, None and zero mean an axis of any size."""
    tensors = {}
    for node in nodes:
        found = _TYPE.fullmatch(node.type)
        dtype = _DTYPES.get(found[1], found[1]) if found else node.type
        axes = node.shape if found and node.type == found[0] else ()
        shape = tuple(axis if isinstance(axis, int) and axis > 0 else -1 for axis in axes or ())
        tensors[node.name] = Tensor(node.name, dtype, shape)
    return tensors


def threads_for(size_bytes: int, environ: Mapping[str, str]) -> int:
    """Return how many threads work on one run: the function's share of CPUs, rounded.

    Elsewhere one: plain HTTP predicts in as many threads as there are CPUs.

    Args:
        size_bytes: the model file's.
        environ: Lambda states the function's memory there, in MB.
    """
    memory_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if size_bytes < SMALL_BYTES or not memory_mb.isdecimal():
        return 1
    share = round(int(memory_mb) / _MB_OF_ONE_CPU)
    return max(1, min(share, _MOST_CPUS, os.cpu_count() or 1))


def _options(size_bytes: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads_for(size_bytes, os.environ)
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Its lines would break up our JSON log lines; what fails is raised as well.
    options.log_severity_level = 4
    # Weights get memory of their size; the arena would double it, 160 MB more for 604 MB of them.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    # Weights outside of the model file have no hash in the manifest: none are ever found.
    options.add_session_config_entry(_WEIGHTS_FOLDER, os.devnull)
    return options


class OnnxEngine:
    """A session and the names of the outputs to compute.

    Attributes:
        exact_batch: whether the model was made for exactly the manifest's batch, such as one.
    """

    def __init__(self, session: Any, outputs: list[str], *, exact_batch: bool) -> None:
        self.exact_batch = exact_batch
        self._session = session
        self._outputs = outputs

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the outputs."""
        try:
            results = self._session.run(self._outputs, dict(feeds))
        except InvalidArgument as exc:
            raise RefusedError(" ".join(str(exc).split())) from exc
        except Fail as exc:
            raise OperatorError(" ".join(str(exc).split())) from exc
        return dict(zip(self._outputs, map(array_of, results), strict=True))


def array_of(result: Any) -> Array:
    """Return an output as an array; a ZipMap becomes [N, C], with its labels in order."""
    if not isinstance(result, list):
        array: Array = result
        return array
    labels = sorted(result[0])
    return np.array([[one[label] for label in labels] for one in result], np.float32)
