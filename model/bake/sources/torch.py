"""Live PyTorch modules, exported by PyTorch itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.errors import BakeError
from model.bake.sources.base import Original, Say, modules_of
from model.recipes.base import Feeds

EXAMPLE: Final = (
    "Give what the module takes: bake(model, samples=torch.zeros(2, 3, 224, 224)), or arrays by "
    "the names of its parameters."
)


def recognises_object(model: Any) -> bool:
    """Tell a module."""
    return "torch" in modules_of(model) and hasattr(model, "state_dict")


def open_object(model: Any, samples: Any, work: Path, say: Say) -> Original:
    """Export a module, its batch free where PyTorch can follow it, else of one.

    Raises:
        BakeError: there is no example, or PyTorch cannot export the module.
    """
    import torch

    examples = {
        name: torch.as_tensor(array[:2]) for name, array in _arrays_of(model, samples).items()
    }
    onnx = work / "model.onnx"
    say("exporting from PyTorch …")
    try:
        with _evaluating(model):
            outputs = list(_outputs_of(model(**examples)))
            _export(model, examples, outputs, onnx)
    except BakeError:
        raise
    except Exception as exc:
        cause = " ".join(str(exc).split())[:1500]
        raise BakeError(
            f"PyTorch cannot export {type(model).__name__}: {type(exc).__name__}: {cause}",
            "Export it as ONNX with your own call of torch.onnx.export, and bake that file.",
        ) from exc

    def run(feeds: Feeds) -> dict[str, NDArray[Any]]:
        with _evaluating(model):
            found = model(**{name: torch.as_tensor(feeds[name]) for name in examples})
        return {name: np.asarray(one) for name, one in _outputs_of(found).items()}

    return Original(
        format="pytorch",
        summary=f"PyTorch {torch.__version__}, {type(model).__name__}",
        onnx=onnx,
        run=run,
    )


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Put a module into the state in which it predicts, and back."""
    import torch

    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _arrays_of(model: Any, samples: Any) -> dict[str, NDArray[Any]]:
    """Return examples by the names of the module's parameters, in single precision."""
    names = list(inspect.signature(model.forward).parameters)
    if isinstance(samples, Mapping):
        given = dict(samples)
    elif isinstance(samples, tuple):
        given = dict(zip(names, samples, strict=False))
    else:
        given = {names[0]: samples}
    arrays = {name: np.asarray(one) for name, one in given.items()}
    if samples is None or any(
        one.dtype.kind not in "fiub" or not one.ndim for one in arrays.values()
    ):
        raise BakeError(f"it is not known what {type(model).__name__} takes", EXAMPLE)
    return {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in arrays.items()}


def _outputs_of(found: Any) -> dict[str, Any]:
    """Return a module's outputs by name: its own where it gives a dictionary."""
    if isinstance(found, Mapping):
        return dict(found)
    flat = list(_flat(found))
    return {"output": flat[0]} if len(flat) == 1 else {f"output_{i}": o for i, o in enumerate(flat)}


def _flat(found: Any) -> Iterator[Any]:
    """Yield the tensors of nested tuples, as an LSTM returns them."""
    for one in found if isinstance(found, list | tuple) else ():
        yield from _flat(one)
    if not isinstance(found, list | tuple):
        yield found


def _export(model: Any, examples: dict[str, Any], outputs: list[str], path: Path) -> None:
    """Export with a free batch, else, where the module's code fixes it, with a batch of one."""
    import torch

    try:
        import onnxscript  # noqa: F401  # only whether it is there
    except ImportError as exc:
        raise BakeError("torch.onnx.export needs onnxscript", "pip install onnxscript") from exc
    batch = torch.export.Dim("batch")
    free = {name: {0: batch} for name in examples}
    one = {name: example[:1] for name, example in examples.items()}
    for kwargs, shapes in ((examples, free), (one, None)):
        try:
            torch.onnx.export(
                model, (), str(path), kwargs=kwargs, dynamo=True, dynamic_shapes=shapes,
                input_names=list(kwargs), output_names=outputs, verbose=False,
            )  # fmt: skip
            return
        except Exception:
            if shapes is None:
                raise
