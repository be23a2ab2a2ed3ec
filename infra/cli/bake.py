"""`lambake bake`: turn a model file into a bundle that the function serves.

The baking itself is model/bake, which infra does not import: it runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infra.cli.exits import UNUSABLE
from infra.cli.flags import About, argument, flag, flags_of
from infra.cli.set_up import CHECKOUT, is_checkouts, what_installs

_NEEDED = ("onnx", "onnxruntime", "tomli_w")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command: those of model.bake.command.bake, under the same names."""

    model: str = argument("the model: a file, or the folder of one")
    name: str = flag("", "its name in the zoo (the file's)")
    version: str = flag("1", "its version; several live side by side (%(default)s)")
    sample: list[str] | None = flag(
        None, "a real input, and the answer that must come if it is known; may be repeated",
        action="append", metavar="FILE[=ANSWER]",
    )  # fmt: skip
    labels: str | None = flag(None, "the classes, in the order of the scores",
                              metavar="FILE|A,B,C")  # fmt: skip
    columns: str | None = flag(None, "the columns of a row, in order; a CSV file also gives "
                               "types and ranges", metavar="FILE.csv|A,B,C")  # fmt: skip
    pixels: str = flag("", "how float pixels are scaled: 0..1, -1..1, 0..255, imagenet or caffe",
                       metavar="SCALING")  # fmt: skip
    like: str | None = flag(
        None, "a preprocessor_config.json that says how pixels are scaled", metavar="FILE"
    )
    size: str = flag("", "the pictures' size, if the model leaves it free",
                     metavar="HEIGHTxWIDTH")  # fmt: skip
    fit: str = flag("", "how a picture is brought to that size: stretch, crop or letterbox")
    colours: str = flag("", "the order of its colours: rgb or bgr")
    takes: str = flag("", "what an instance is, if inferred wrongly: image, row, text or tensors")
    task: str = flag(
        "", "what it answers, if inferred wrongly: classify, regress, embed or tensors"
    )
    recipe: str | None = flag(
        None, "a recipe.py with prepare(), answer() or both; or the name of a built-in recipe",
        metavar="FILE|NAME",
    )  # fmt: skip
    licence: str = flag("", "its licence, as SPDX writes it", metavar="ID")
    description: str = flag("", "what it does, in one sentence", metavar="TEXT")
    reference: str | None = flag(None, "the training data, to measure drift against",
                                 metavar="FILE.csv")  # fmt: skip
    deadline: float = flag(60.0, "the most seconds that one run may take (%(default)g)", type=float,
                           metavar="SECONDS")  # fmt: skip
    replace: bool = flag(False, "write over a version that was baked from another file")
    folder: str | None = flag(None, "the zoo (model/zoo)", metavar="FOLDER")


ABOUT = About(
    "turn a model file into a bundle that is served",
    Options, needs="bake", stands="the zoo is as it was",
    example="model.onnx --labels cat,dog --sample cat.jpg=cat",
)  # fmt: skip


def run(options: Options) -> int:
    """Bake the model in a process of its own.

    Returns:
        The exit status: FAILED if the model was refused.
    """
    if not _is_set_up():
        return UNUSABLE
    asked = {one.name: getattr(options, one.name) for one in flags_of(Options)}
    asked["samples"] = asked.pop("sample")
    given = (pair for pair in asked.items() if pair[1] is not None and pair[1] is not False)
    asked = {name: value for name, value in given if value != "" or name == "model"}
    # -P: a folder of the user's that is called model must not be found in place of ours.
    command = [sys.executable, "-P", "-m", "model.bake", json.dumps(asked)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(CHECKOUT)})
    try:
        return process.wait()
    finally:
        process.terminate()


def _is_set_up() -> bool:
    """Set up what baking needs besides serving, if it is not there."""
    missing = [package for package in _NEEDED if find_spec(package) is None]
    if not missing:
        return True
    if is_checkouts(Path(sys.prefix)):
        make = ["make", "--no-print-directory", "-C", str(CHECKOUT), ".venv/.bake"]
        if subprocess.run(make, check=False).returncode == 0:
            return True
    told = f"the package {missing[0]} is not installed: {what_installs('bake')}"
    sys.stderr.write(f"lambake bake: {told}\n")
    return False
