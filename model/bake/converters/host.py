"""Run one converter: convert a model, then answer for the original until stdin ends.

    python -I host.py <module of this folder> <JSON: the arguments of its `convert`>

`convert(**arguments)` writes an ONNX file and returns what else it learnt of the model, with a
function that asks the original. Each line of stdin then names an .npz of inputs and an .npz for the
outputs. Each reply is one line of JSON: {"facts": …}, {}, or what went wrong as {"refused": [what,
do]} or {"failed": "Type: message"}.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any, TextIO

import numpy as np

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # its results differ in the last decimals, and by machine
    "TF_USE_LEGACY_KERAS": "1",  # SavedModels of Keras 2 load with nothing else
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
}


class Refused(Exception):
    """A model that cannot be converted: what is wrong, and what to do instead."""

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(what, do)


def main() -> None:
    """Convert, then answer."""
    # Libraries print to stdout; the replies have it for themselves.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    os.environ.update(QUIET)
    warnings.simplefilter("ignore")
    sys.path.append(str(Path(__file__).parents[1]))
    # This script is __main__; Refused must be the class that the converters import.
    refused = importlib.import_module("converters.host").Refused
    try:
        module = importlib.import_module(f"converters.{sys.argv[1]}")
        facts, run = module.convert(**json.loads(sys.argv[2]))
        reply(replies, {"facts": facts})
        for line in sys.stdin:
            asked = json.loads(line)
            with np.load(asked["inputs"], allow_pickle=False) as inputs:
                outputs = run(dict(inputs))
            np.savez(asked["outputs"], **outputs)
            reply(replies, {})
    except refused as exc:
        reply(replies, {"refused": exc.args})
    except Exception as exc:
        reply(replies, {"failed": f"{type(exc).__name__}: {exc}"})
        raise


def reply(replies: TextIO, document: dict[str, Any]) -> None:
    """Write one line."""
    replies.write(json.dumps(document) + "\n")
    replies.flush()


if __name__ == "__main__":
    main()
