"""Models that nobody here made, in a folder with an index.json: what each is and must answer.

    {"models": [{"id", "saved", "expected", "cases", "labels"?}, …]}

`saved` names the model file ("folder/model.onnx + …" where it lies with its weights), `expected` a
file of NumPy arrays, case0.in.NAME and case0.out.NAME of the model's own runtime.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

FLAGS: Final[Mapping[str, list[str]]] = {
    "mnist_cntk_op8": ["--pixels", "0..1", "--sample", "mnist_nine.png=9"],
    "rapidocr_cls": ["--size", "48x192", "--pixels", "-1..1", "--colours", "bgr"],
    "gender_external": ["--pixels", "0..1"],
    "mobilenet_v1_uint8": ["--labels", "imagenet_labels.txt"],
    "fer_emotion_h5": ["--pixels", "-1..1", "--sample", "face64.png=neutral"],
    "sam_mnist_h5": ["--sample", "mnist_nine.png=9"],
}
"""Of the models that say too little about themselves; a new one may need a line."""

REFUSED: Final[Mapping[str, str]] = {"micro_wakeword": "variables"}
"""Models that cannot be served, with a word of the reason."""


@dataclass(frozen=True)
class Other:
    """One model of the index."""

    folder: Path
    entry: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name, in the index and in the zoo."""
        return str(self.entry["id"])

    @property
    def flags(self) -> list[str]:
        """What `lambake bake` is told besides the file."""
        labels = self.entry.get("labels")
        given = [*(["--labels", ",".join(labels)] if labels else []), *FLAGS.get(self.id, [])]
        return [self._found(flag) for flag in given]

    @property
    def file(self) -> Path:
        """The model."""
        return self.folder / str(self.entry["saved"]).partition(" + ")[0]

    def cases(self) -> list[tuple[Arrays, Arrays]]:
        """Return the inputs and the outputs of each case, by tensor name."""
        with np.load(self.folder / self.entry["expected"]) as file:
            arrays = dict(file)
        cases = []
        for number in range(self.entry["cases"]):
            sides = [f"case{number}.in.", f"case{number}.out."]
            inputs, outputs = (
                {k.removeprefix(side): v for k, v in arrays.items() if k.startswith(side)}
                for side in sides
            )
            cases.append((inputs, outputs))
        return cases

    def _found(self, flag: str) -> str:
        """Name a file of the folder by its path."""
        file = self.folder / flag.partition("=")[0]
        return f"{self.folder}/{flag}" if file.is_file() else flag


def others_in(folder: Path) -> list[Other]:
    """Read the index of a folder."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return [Other(folder, entry) for entry in index["models"]]


def feeds_for(bundle: Path, inputs: Arrays) -> dict[str, Any]:
    """Spell a case's inputs as JSON, by the names and types that the bundle has for them.

    A converter may give the one input another name.
    """
    tensors = tomllib.loads((bundle / "model.toml").read_text(encoding="utf-8"))["inputs"]
    dtypes = {one["name"]: one["dtype"] for one in tensors}
    named = (
        inputs
        if inputs.keys() == dtypes.keys()
        else dict(zip(dtypes, inputs.values(), strict=True))
    )
    return {
        name: (array if dtypes[name] == "string" else array.astype(dtypes[name])).tolist()
        for name, array in named.items()
    }


def differences(predictions: list[dict[str, Any]], outputs: Arrays) -> Iterator[float]:
    """Yield how far each answer is from the arrays that the model's own runtime gave.

    Relative to the largest number of an array; answers with labels are compared by label.
    """
    first = predictions[0]
    if "outputs" in first:
        for position, (name, array) in enumerate(outputs.items()):
            key = name if name in first["outputs"] else list(first["outputs"])[position]
            got = np.array([one["outputs"][key] for one in predictions]).reshape(array.shape)
            yield difference(got, array)
        return
    scores = next(array for array in outputs.values() if array.dtype != np.int64)
    if "probabilities" not in first:
        kind = next(key for key in ("value", "embedding") if key in first)
        yield difference(np.array([one[kind] for one in predictions]), scores)
        return
    for one, expected in zip(predictions, probabilities_of(scores), strict=True):
        best = np.sort(expected)[::-1][: len(one["probabilities"])]
        yield difference(np.sort(list(one["probabilities"].values()))[::-1], best)
        yield difference(np.array(one["confidence"]), expected.max())


def difference(got: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest difference, relative to the largest number expected."""
    exact = expected.astype(np.float64)
    largest = np.abs(exact).max(initial=0.0) or 1.0
    return float(np.abs(got.reshape(exact.shape) - exact).max(initial=0.0) / largest)


def probabilities_of(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities that scores mean: float64[N, C]."""
    exact = scores.astype(np.float64)
    if scores.dtype.kind in "iu":
        exact -= np.iinfo(scores.dtype).min
    elif np.abs(exact.sum(axis=1) - 1).max() > 1e-3:
        exact = np.exp(exact - exact.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = exact / exact.sum(axis=1, keepdims=True)
    return shares
