"""A model in ONNX Runtime, opened as the function opens it, each run with a deadline."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import onnxruntime
from numpy.typing import NDArray

from model.bake.errors import BakeError
from model.bake.graph import Graph
from model.engines import onnx as engine
from model.engines.base import Engine, InBatches
from model.tensors import DTYPES, Tensor

DEADLINE_S: Final = 60.0
OLDEST_OPSET: Final = 7
"""ONNX Runtime promises to run this and later ones."""

Arrays = dict[str, NDArray[Any]]


class RunError(Exception):
    """A run that failed: ONNX Runtime's cause in full."""


class Runtime:
    """An opened model.

    Attributes:
        inputs, outputs: as the file states them, -1 for a free axis, in its order; outputs of types
            that no manifest has are left out and listed in `dropped`.
        axes: the file's own names of the axes of each input: equal names are equal sizes.
    """

    def __init__(self, path: Path, graph: Graph, *, deadline_s: float = DEADLINE_S) -> None:
        """Open a model.

        Raises:
            BakeError: ONNX Runtime cannot open it, or it has an input of a type that no manifest
                has; says why in full.
        """
        self._deadline_s = deadline_s
        self._engine: Engine = _Session(self)
        try:
            self._session = engine.open_session(path)
        except Exception as exc:
            raise _unopened(path, graph, exc) from exc
        self.axes = {one.name: list(one.shape) for one in self._session.get_inputs()}
        self.inputs = tuple(engine.tensors_of(self._session.get_inputs()).values())
        nodes = self._session.get_outputs()
        found = [
            replace(one, shape=(-1, -1)) if node.type.startswith("seq(map") else one  # a ZipMap
            for one, node in zip(engine.tensors_of(nodes).values(), nodes, strict=True)
        ]
        self.outputs = tuple(one for one in found if one.dtype in DTYPES)
        self.dropped = tuple(one.name for one in found if one.dtype not in DTYPES)
        for one in self.inputs:
            if one.dtype not in DTYPES:
                raise BakeError(
                    f"its input {one.name!r} is of type {one.dtype}, which no request can carry",
                    "Export it with inputs that are tensors of numbers, booleans or strings.",
                )
        if not self.inputs:
            raise BakeError(
                "it has no inputs: it answers every request with the same",
                "Export it with what a request brings as inputs, not as weights.",
            )
        if not self.outputs:
            raise BakeError(f"its outputs {', '.join(self.dropped)} are no tensors")

    def fill_up(self, batch: int, inputs: Sequence[Tensor]) -> None:
        """Run that many instances at a time from now on, as the engine does with such a file."""
        self._engine = InBatches(_Session(self), batch, inputs, exact=True)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> Arrays:
        """Compute all outputs; a ZipMap becomes [N, C].

        Raises:
            RunError: it failed, or took longer than the deadline.
        """
        return self._engine.run(feeds)

    def _run(self, feeds: Mapping[str, NDArray[Any]]) -> Arrays:
        """Run the session once.

        Raises:
            RunError: it failed, or took longer than the deadline.
        """
        options = onnxruntime.RunOptions()
        options.log_severity_level = 4  # what is raised says it as well
        late = threading.Event()

        def stop() -> None:
            late.set()
            options.terminate = True

        timer = threading.Timer(self._deadline_s, stop)
        timer.daemon = True
        timer.start()
        names = [one.name for one in self.outputs]
        try:
            results = self._session.run(names, dict(feeds), options)
        except Exception as exc:
            if late.is_set():
                said = f"no answer within {self._deadline_s:g} s (--deadline allows more)"
                raise RunError(said) from exc
            raise RunError(_cause_of(exc)) from exc
        finally:
            timer.cancel()
        return dict(zip(names, map(engine.array_of, results), strict=True))


class _Session:
    """The session as an engine."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> Arrays:
        return self._runtime._run(feeds)


def stated(tensors: Sequence[Tensor]) -> str:
    """Write tensors as in "x float32 [N, 4]"."""
    return ", ".join(f"{one.name} {one.dtype} {shape_text(one.shape)}" for one in tensors)


def shape_text(shape: Sequence[int]) -> str:
    """Write a shape as in "[N, 3, ?, ?]"."""
    sizes = [str(size) if size > 0 else "?" for size in shape]
    if shape[:1] == (-1,):
        sizes[0] = "N"
    return f"[{', '.join(sizes)}]"


def _cause_of(exc: Exception) -> str:
    """Return all that ONNX Runtime says, on one line."""
    return " ".join(str(exc).split()) or type(exc).__name__


def _unopened(path: Path, graph: Graph, exc: Exception) -> BakeError:
    if graph.strange:
        return BakeError(
            f"{path}: ONNX Runtime has no operators {', '.join(graph.strange)}",
            "Export it with ONNX's own operators: pre- and postprocessing that another package "
            "added belongs into a recipe.py.",
        )
    if "operator (ZipMap)" in str(exc):  # of float64, which is skl2onnx's own default
        return BakeError(
            f"{path}: its ZipMap takes float64, which ONNX Runtime refuses",
            "Export it without: to_onnx(model, X[:1], options={'zipmap': False}).",
        )
    is_old = 0 < graph.opset < OLDEST_OPSET
    return BakeError(
        f"{path}: ONNX Runtime {onnxruntime.__version__}, which serves, cannot open it: "
        f"{_cause_of(exc)}",
        f"It is of opset {graph.opset}. Export it again with opset 17, or convert it: "
        "onnx.save(onnx.version_converter.convert_version(onnx.load(FILE), 17), 'model.onnx')"
        if is_old
        else "Export it again, with a lower opset if the cause names one.",
    )
