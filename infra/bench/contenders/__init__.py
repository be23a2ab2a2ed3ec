"""The functions that are compared, each written as its users write it.

All have the weights of `model/zoo/digits`, so accuracy differs by how a picture is prepared only.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
HERE: Final = Path(__file__).resolve().parent
_DIGITS: Final = ROOT / "model" / "zoo" / "digits"
PATH: Final = "/models/digits/predict"


def _image_python() -> str:
    """Return the newest interpreter that has the image's packages and no others, or else this one.

    FastAPI's import reads the metadata of every package that is installed.
    """
    found = sorted((ROOT / "build").glob("python-3.*/bin/python"))
    return str(found[-1]) if found else sys.executable


IMAGE_PYTHON: Final = _image_python()


@dataclass(frozen=True)
class Contender:
    """One function.

    Attributes:
        name: in the tables.
        what: what it is, in a few words.
        handler: as Lambda names it; of a plain one the ASGI application, as uvicorn names it.
        packages: the distributions that it installs, without those that they require.
        root: the folder that the function's code lies in.
        variables: its environment.
        needs: the module without which it cannot run.
        plain: whether it is an HTTP server instead of a handler.
        predicts: whether it answers with a digit.
    """

    name: str
    what: str
    handler: str
    packages: tuple[str, ...]
    root: Path = HERE
    variables: Mapping[str, str] = field(default_factory=dict)
    needs: str = "awslambdaric"
    plain: bool = False
    predicts: bool = True

    @property
    def python(self) -> str:
        """The interpreter that runs it."""
        return sys.executable if self.needs == "tensorflow" else IMAGE_PYTHON

    @property
    def lacks(self) -> str:
        """The module that it needs and that is not installed; empty if it can run."""
        return "" if find_spec(self.needs) else self.needs


_ONNX: Final = {"MODEL": str(_DIGITS / "digits.onnx")}
_KERAS: Final = {"MODEL": str(_DIGITS / "digits.keras"), "TF_CPP_MIN_LOG_LEVEL": "3"}
_LIGHT: Final = ("fastapi", "mangum", "onnxruntime", "pillow", "awslambdaric")

EMPTY: Final = Contender(
    "empty", "a handler that returns at once", "empty.handler", ("awslambdaric",), predicts=False
)
LAMBAKE: Final = Contender(
    "Lambake",
    "this project, two models, everything validated, metrics on",
    "function.entry.handler",
    (
        *("awslambdaric", "boto3", "fastapi", "fastapi-swagger", "mangum", "numpy", "onnxruntime"),
        *("pillow", "prometheus-client", "starlette", "uvicorn"),
    ),
    root=ROOT,
    variables={"LAMBAKE_MODELS": "digits,iris"},
)
BAREST: Final = Contender(
    "barest",
    "FastAPI, Mangum and ONNX Runtime in 25 lines, nothing validated",
    "barest.handler",
    _LIGHT,
    variables=_ONNX,
)
KERAS: Final = Contender(
    "Keras",
    "FastAPI, Mangum and Keras' model.predict",
    "keras_predict.handler",
    ("fastapi", "mangum", "tensorflow-cpu", "pillow", "awslambdaric"),
    variables=_KERAS,
    needs="tensorflow",
)
TEMPLATE: Final = Contender(
    "template",
    "in the shape of AWS SAM's TensorFlow template for digits",
    "template.handler",
    ("tensorflow-cpu", "pillow", "awslambdaric"),
    variables=_KERAS,
    needs="tensorflow",
)
WEB_ADAPTER: Final = Contender(
    "uvicorn",
    "the barest application under uvicorn, as the Lambda Web Adapter runs it; without the adapter",
    "barest:app",
    (*_LIGHT, "uvicorn"),
    variables=_ONNX,
    needs="uvicorn",
    plain=True,
)

CONTENDERS: Final = (EMPTY, LAMBAKE, BAREST, KERAS, TEMPLATE, WEB_ADAPTER)
