"""Keras files, of Keras 3 and 2: .keras and HDF5."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import keras
import tensorflow as tf
import tf_keras

from . import tf_graph
from .arrays import Arrays
from .host import Refused

EXPORT = (
    "Where the model is made, run model.export('folder') (in Keras 2: model.save('folder')), "
    "which needs no code of yours, and bake the folder."
)
WHOLE = "Save the whole model, with model.save('model.keras'), and bake that."

LONGEST = 1500
"""Characters of Keras's own reason: it repeats whole configurations."""

AUTOMATIC = re.compile(r"(input_layer|keras_tensor)(_\d+)?")
RESCALED = 0.01
"""A Rescaling by less is one of pixels: by 1/255, 1/127.5 or 1/128."""


def convert(path: str, onnx: str) -> tuple[dict[str, Any], Callable[..., Arrays]]:
    """Write a Keras file as ONNX.

    Args:
        path: the file, with the ending of its format, by which Keras goes.
        onnx: where the ONNX file is written.

    Returns:
        {"library", "rescales", "classes"}: who read it; whether pixels come as they are; the width
        of a single output; with what asks it.
    """
    model, library = load(path)
    inputs = list(model.inputs or ())
    if not inputs:
        raise Refused("the Keras model has no input shape: it was never built", WHOLE)
    layers = [name_of(one, i, len(inputs)) for i, one in enumerate(inputs)]
    names = tf_graph.plain_names(layers)
    specs = [
        tf.TensorSpec(one.shape, one.dtype, name=name)
        for one, name in zip(inputs, names, strict=True)
    ]

    # A dictionary, a list or one tensor: as the model was defined.
    # Symbolic tensors have no truth value.
    stated = (getattr(model, name, None) for name in ("_inputs_struct", "_nested_inputs"))
    structure = next((one for one in stated if one is not None), inputs[0])

    def call(*tensors: Any) -> Any:
        packed = tf.nest.pack_sequence_as(structure, list(tensors))
        return tf.nest.flatten(model(packed, training=False))

    outputs = tf_graph.plain_names(output_names(model), names)
    run = tf_graph.write(call, specs, outputs, onnx)
    shape = model.outputs[0].shape
    facts = {
        "library": library,
        "rescales": rescales(model),
        "classes": shape[-1] if len(model.outputs) == 1 and len(shape) == 2 else None,
    }
    return facts, run


def name_of(tensor: Any, number: int, count: int) -> str:
    """Return an input's name, unless Keras made it up."""
    name = tensor.name.partition(":")[0]
    if not AUTOMATIC.fullmatch(name):
        return str(name)
    return "input" if count == 1 else f"input_{number}"


def output_names(model: Any) -> list[str]:
    """Return the outputs' names: output_0 for one, as Keras exports it, else the layers'."""
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict):
        return sorted(structure)
    names = getattr(model, "output_names", None)
    if len(model.outputs) == 1 or not names:
        return [f"output_{number}" for number in range(len(model.outputs))]
    return list(names)


def load(path: str) -> tuple[Any, str]:
    """Load a file with Keras 3, else with tf-keras.

    Raises:
        Refused: it holds code, or weights alone, or neither loads it; with both reasons.
    """
    zipped = zipfile.is_zipfile(path)
    refuse_code(zip_config(path) if zipped else hdf5_config(path))
    reasons = {}
    for library, name in ((keras, "Keras"), (tf_keras, "tf-keras")):
        title = f"{name} {library.__version__}"
        try:
            return library.models.load_model(path, compile=False), title
        except Exception as exc:  # noqa: BLE001  # whatever Keras raises, it is the reason
            reasons[title] = reason_of(exc)
    both = "; ".join(f"{title}: {reason}" for title, reason in reasons.items())
    raise Refused(f"neither Keras reads the file. {both}", EXPORT)


def reason_of(exc: Exception) -> str:
    """Return a reason in one line, its middle cut where Keras repeats a configuration."""
    text = " ".join(f"{type(exc).__name__}: {exc}".split())
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} […] {text[-half:]}"


def zip_config(path: str) -> Any:
    """Return the architecture in a .keras file."""
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read("config.json"))


def hdf5_config(path: str) -> Any:
    """Return the architecture in an HDF5 file.

    Raises:
        Refused: there is none.
    """
    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
        weights = "layer_names" in file.attrs or "layers" in file
    if text is None:
        what = "Keras weights without the model they belong to" if weights else "no Keras model"
        raise Refused(f"the HDF5 file holds {what}", WHOLE)
    return json.loads(text)


def refuse_code(config: Any) -> None:
    """Refuse a model that holds Python code, before anything runs it: tf-keras asks nobody.

    Raises:
        Refused: it has a lambda.
    """
    for one in parts_of(config):
        inner = one.get("config")
        inner = inner if isinstance(inner, dict) else {}
        bytecode = one.get("class_name") == "__lambda__" or inner.get("function_type") == "lambda"
        if bytecode or "<lambda>" in (*one.values(), *inner.values()):
            layer = inner.get("name", one.get("name", "a layer"))
            raise Refused(f"the Keras model holds Python code: a lambda in {layer}", EXPORT)


def parts_of(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a JSON document."""
    if isinstance(config, dict):
        yield config
    for one in config.values() if isinstance(config, dict) else config:
        if isinstance(one, dict | list):
            yield from parts_of(one)


def rescales(model: Any) -> bool:
    """Tell whether the model takes pixels as they are: its first layer with work to do scales."""
    for layer in getattr(model, "layers", ()):
        kind = type(layer).__name__
        if kind == "Rescaling":
            return bool(0 < layer.scale <= RESCALED) if isinstance(layer.scale, float) else False
        if kind != "InputLayer" and not kind.startswith("Random"):
            return False
    return False
