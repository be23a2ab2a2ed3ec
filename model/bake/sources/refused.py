"""Formats that cannot be baked: each is told what it is, and what to do instead."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from model.bake.errors import BakeError
from model.bake.formats import format_of
from model.bake.sources.base import HEAD_BYTES, Original, Say

_ORIGINAL: Final = "Bake the model that it was made from."
_GRAPHLESS: Final = "weights without the model they belong to"
_LIVE: Final = (
    'import {package}; from model.bake import bake; bake({load}, name="model", samples=X[:20])'
)

PICKLED: Final = {
    b"xgboost": "Where it was made, save it without Python: model.save_model('model.ubj').",
    b"lightgbm": "Where it was made, save it without Python: "
    "model.booster_.save_model('model.txt') (a Booster: model.save_model).",
    b"catboost": "Where it was made, save it as ONNX: "
    "model.save_model('model.onnx', format='onnx').",
    b"keras": "Where it was made, save it without Python: model.save('model.keras').",
    b"torch": "Where it was made, export it: "
    "torch.onnx.export(model.eval(), (example,), 'model.onnx', dynamo=True).",
}
"""What to do with a pickle, by the package that its first class is of; else bake it alive."""

KINDS: Final[dict[str, tuple[str, str]]] = {
    "archive": ("an archive", "Unpack it, and bake the model in it."),
    "broken-zip": ("a zip that is cut off", "Fetch it again."),
    "catboost": (
        "CatBoost's own format",
        "Save it as ONNX: CatBoost().load_model('{path}').save_model('model.onnx', format='onnx').",
    ),
    "catboost-json": (
        "CatBoost's JSON",
        "Save it as ONNX: CatBoost().load_model('{path}', 'json')"
        ".save_model('model.onnx', format='onnx').",
    ),
    "checkpoint": (
        f"a checkpoint of TensorFlow: {_GRAPHLESS}",
        "Build the model, restore it, and bake what model.export('folder') writes.",
    ),
    "compressed": ("a compressed file", "Unpack it, and bake what is in it."),
    "coreml": ("Core ML, which runs on Apple's systems only", _ORIGINAL),
    "darknet": ("a Darknet configuration", "Export the network as ONNX, and bake that."),
    "empty": ("an empty file", "Fetch it again."),
    "executorch": ("ExecuTorch, which runs in its own runtime only", _ORIGINAL),
    "fasttext": (
        "fastText, whose words have no fixed vocabulary that ONNX could hold",
        "Serve it from a recipe.py, or train a TF-IDF pipeline of scikit-learn.",
    ),
    "frozen": (
        "a frozen graph of TensorFlow 1",
        "Convert it, naming its tensors: python -m tf2onnx.convert --graphdef {path} --inputs x:0 "
        "--outputs y:0 --output model.onnx, and bake that.",
    ),
    "gguf": (
        "GGUF, a language model for llama.cpp",
        "Serve it with llama.cpp; Lambake has no engine for it.",
    ),
    "git-lfs": ("a pointer of Git LFS in the place of the file", "Fetch it: git lfs pull."),
    "html": ("a web page, not a model", "Download the file itself, not the page that shows it."),
    "java": ("serialised Java (Weka, H2O, Spark)", "Export the model as ONNX, and bake that."),
    "keras-json": (
        "a Keras architecture without its weights",
        "Save both: model.save('model.keras'), and bake that.",
    ),
    "mojo": ("H2O's MOJO", "Train it with XGBoost or scikit-learn, or export it as ONNX."),
    "mxnet": (
        "MXNet's architecture",
        "Export it as ONNX: mxnet.onnx.export_model(symbols, weights, [shape]), and bake that.",
    ),
    "ncnn": ("ncnn", _ORIGINAL),
    "numpy": (f"NumPy arrays: {_GRAPHLESS}", "Bake the model itself."),
    "openvino": ("OpenVINO's IR, from which there is no way back to ONNX", _ORIGINAL),
    "ort": ("ONNX Runtime's own format (.ort)", "Bake the .onnx file that it was made from."),
    "pickle": (
        "a pickle, which runs code when it is loaded",
        "Where you trust it, load it and bake the object: "
        + _LIVE.format(package="joblib", load="joblib.load('{path}')"),
    ),
    "pmml": ("PMML", "Export the model as ONNX where it was made, and bake that."),
    "r": (
        "a model of R",
        "Export it as ONNX, or train it with XGBoost or LightGBM, whose files R writes too.",
    ),
    "safetensors": (
        f"safetensors: {_GRAPHLESS}",
        "Export it as ONNX: optimum-cli export onnx --model FOLDER OUT for one of Hugging Face, "
        "else torch.onnx.export(model.eval(), (example,), 'model.onnx', dynamo=True).",
    ),
    "saved-model-file": (
        "the graph of a SavedModel without its folder",
        "Bake the folder: it has saved_model.pb and variables/.",
    ),
    "skops": (
        "skops",
        "Load it and bake the object: "
        + _LIVE.format(package="skops.io", load="skops.io.load('{path}')"),
    ),
    "tensorrt": ("a TensorRT engine, which runs on one kind of graphics card only", _ORIGINAL),
    "tfjs": (
        "TensorFlow.js",
        "Convert it back: tensorflowjs_converter --input_format tfjs_layers_model --output_format "
        "keras_saved_model model.json FOLDER, and bake the folder.",
    ),
    "torch": (
        f"PyTorch: {_GRAPHLESS}, or a pickle, which runs code when it is loaded",
        "Where the model is defined: from model.bake import bake; "
        'bake(model.eval(), name="model", samples=example); or torch.onnx.export(model.eval(), '
        "(example,), 'model.onnx', dynamo=True), and bake that.",
    ),
    "torch-export": (
        "PyTorch's exported program",
        "Export it as ONNX: torch.onnx.export(torch.export.load('{path}'), (), 'model.onnx', "
        "dynamo=True), and bake that.",
    ),
    "torchscript": (
        "TorchScript",
        "Export it as ONNX: torch.onnx.export(torch.jit.load('{path}').eval(), (example,), "
        "'model.onnx', dynamo=False), and bake that.",
    ),
}
"""What each format is, and what to do instead."""


def recognises(path: Path, head: bytes) -> bool:
    """Tell a known format that cannot be baked."""
    return bool(format_of(path, head))


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001  # the sources' interface
    """Refuse it.

    Raises:
        BakeError: always.
    """
    head = b""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    name = format_of(path, head)
    what, do = KINDS[name]
    if name == "pickle":
        found = [(head.find(package), package) for package in PICKLED if package in head]
        do = PICKLED[min(found)[1]] if found else do
    raise BakeError(f"{path}: {what}", do.replace("{path}", str(path)))
