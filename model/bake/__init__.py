"""Bake models: a file of any framework, or a live object, becomes a bundle of the zoo.

For development only: nothing that serves imports it.

    sources/        one file per format that a model may be brought in
    core.py         read, infer, try, prove
    finish.py       write, load as the function would, tell
    infer.py        what a model takes, by its inputs
    answers.py      what it answers, by its outputs
    pixels.py       how it wants its pixels
    command.py      what `lambake bake` runs, and `bake` for notebooks
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.bake.command import bake

__all__ = ["bake"]


def __getattr__(name: str) -> Any:
    # Late: what only writes a bundle, or weighs one, needs no ONNX.
    if name == "bake":
        try:
            from model.bake.command import bake
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"baking needs the package {error.name}: run make .venv/.bake in the checkout, or"
                " pip install -r model/bake/requirements.txt",
                name=error.name,
            ) from error
        return bake
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
