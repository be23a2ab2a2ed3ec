"""TFLite files, with the types that they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx as onnx_package
import tf2onnx
from ai_edge_litert.interpreter import Interpreter
from tf2onnx.tflite_utils import read_tflite_model

from .arrays import Arrays
from .host import Refused
from .tf_graph import OPSET, unknown_in

VARIABLES = {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"}


def convert(path: str, onnx: str) -> tuple[dict[str, Any], Callable[[Arrays], Arrays]]:
    """Write a TFLite file as ONNX.

    Returns:
        {"quantised", "outputs"}: whether its weights or tensors are integers; each output's dtype,
        scale, zero point and width; with what asks LiteRT.

    Raises:
        Refused: it keeps variables from one call to the next, or has operators of its own.
    """
    graphs, operators, *_ = read_tflite_model(path)
    used = {
        operators[g.Operators(i).OpcodeIndex()] for g in graphs for i in range(g.OperatorsLength())
    }
    if kept := used & VARIABLES:
        raise Refused(
            f"the TFLite model keeps variables between calls ({', '.join(sorted(kept))}): no two "
            "calls on Lambda need meet the same process",
            "Export it with its state as an input and an output, and bake that.",
        )
    if "DENSIFY" in used:
        raise Refused(
            "the TFLite model keeps its weights sparse (DENSIFY), as the converter to ONNX cannot "
            "read them",
            "Bake the dense model that it was made from.",
        )
    converted, _ = tf2onnx.convert.from_tflite(path, opset=OPSET)
    if unknown := unknown_in(converted):
        names = ", ".join(one.removeprefix("TFL_") for one in unknown)
        raise Refused(
            f"ONNX has no counterpart for TFLite's {names}",
            "Bake the model that it was made from, or cut this off, and do it in a recipe.py.",
        )
    onnx_package.save(converted, onnx)
    original = Original(path)
    return original.facts(), original.run


class Original:
    """LiteRT's interpreter, with the kernels that it chooses itself."""

    def __init__(self, path: str) -> None:
        self.interpreter = Interpreter(model_path=path, num_threads=1)
        self.interpreter.allocate_tensors()
        self.inputs = self.interpreter.get_input_details()
        self.outputs = self.interpreter.get_output_details()

    def facts(self) -> dict[str, Any]:
        """Return what the file says of its outputs."""
        details = self.interpreter.get_tensor_details()
        outputs = [
            {
                "name": one["name"],
                "dtype": np.dtype(one["dtype"]).name,
                "scale": float(one["quantization"][0]),
                "zero_point": int(one["quantization"][1]),
                "classes": int(one["shape"][-1]) if len(one["shape"]) == 2 else None,
            }
            for one in self.outputs
        ]
        quantised = any(one["quantization"][0] for one in details)
        return {"quantised": quantised, "outputs": outputs}

    def run(self, feeds: Arrays) -> Arrays:
        """Ask with arrays of any batch, one by one where the file fixes its batch."""
        first = self.inputs[0]
        count = len(feeds[first["name"]])
        fixed = int(first["shape_signature"][0]) if len(first["shape_signature"]) else count
        size = count if fixed == -1 else fixed
        parts = []
        for start in range(0, count, size):
            parts.append(self.run_once({k: v[start : start + size] for k, v in feeds.items()}))
        return {
            one["name"]: np.concatenate([part[one["name"]] for part in parts])
            for one in self.outputs
        }

    def run_once(self, feeds: Arrays) -> Arrays:
        """Ask once, from a fresh state."""
        for one in self.inputs:
            if tuple(one["shape"]) != feeds[one["name"]].shape:
                self.interpreter.resize_tensor_input(one["index"], feeds[one["name"]].shape)
        self.interpreter.allocate_tensors()
        self.interpreter.reset_all_variables()
        for one in self.inputs:
            self.interpreter.set_tensor(one["index"], feeds[one["name"]])
        self.interpreter.invoke()
        self.inputs = self.interpreter.get_input_details()
        return {one["name"]: self.interpreter.get_tensor(one["index"]) for one in self.outputs}
