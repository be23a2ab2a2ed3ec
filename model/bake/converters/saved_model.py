"""SavedModel folders: a signature as an ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from . import tf_graph
from .arrays import Arrays
from .host import Refused

DEFAULT = "serving_default"


def convert(path: str, onnx: str) -> tuple[dict[str, Any], Callable[..., Arrays]]:
    """Write a SavedModel's default signature, or its only one, as ONNX.

    Returns:
        {"signature", "others"}: the one chosen and those left out; with what asks it.

    Raises:
        Refused: it has no signature, or several without a default.
    """
    loaded = tf.saved_model.load(path)
    signatures = dict(loaded.signatures)
    chosen = DEFAULT if DEFAULT in signatures else next(iter(signatures), "")
    if not signatures or (chosen != DEFAULT and len(signatures) > 1):
        found = f"several: {', '.join(signatures)}" if signatures else "none"
        raise Refused(
            f"the SavedModel has no signature named {DEFAULT}; it has {found}",
            "Save it with one: tf.saved_model.save(model, folder, signatures=function), or Keras's "
            "model.export(folder).",
        )
    signature = signatures[chosen]
    arguments = dict(signature.structured_input_signature[1])
    names = tf_graph.plain_names(list(arguments))
    specs = [
        tf.TensorSpec(one.shape, one.dtype, name=name)
        for one, name in zip(arguments.values(), names, strict=True)
    ]
    keys = list(signature.structured_outputs)

    def call(*tensors: Any) -> list[Any]:
        results = signature(**dict(zip(arguments, tensors, strict=True)))
        return [results[key] for key in keys]

    run = tf_graph.write(call, specs, tf_graph.plain_names(keys, names), onnx)
    # The function's variables live as long as what was loaded.
    run.__dict__["loaded"] = loaded
    return {"signature": chosen, "others": [one for one in signatures if one != chosen]}, run
