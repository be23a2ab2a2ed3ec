"""Train and bake the iris model: scikit-learn's random forest, exported to ONNX.

python model/zoo/iris/train.py
python model/zoo/iris/train.py --reference      only reference.json, of the bundle as it is
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

if not __package__:  # run as a file: what lies beside it must not be found in place of packages
    sys.path[0] = str(Path(__file__).resolve().parents[3])

import numpy as np
import skl2onnx
import sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict, cross_val_score

from model.bake import bake as bake_model
from model.bake.samples import Sample
from model.bake.write import write_reference
from model.predictor import Predictor
from model.recipes.base import Column

FOLDER: Final = Path(__file__).parent
SEED: Final = 7
TREES: Final = 100
FOLDS: Final = 5
NAMES: Final = ("sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm")
INPUT: Final = "rows"
OUTPUT: Final = "probabilities"
LABELS: Final = ("setosa", "versicolor", "virginica")

CARD: Final = """# iris

Which of three irises is it? A random forest over four lengths of a flower.

| | |
|---|---|
| kind | table classification: {columns} |
| labels | {labels} |
| data | Fisher's iris, 150 rows, as `sklearn.datasets.load_iris` ships them |
| model | `RandomForestClassifier(n_estimators={trees}, random_state={seed})`, by skl2onnx |
| accuracy, {folds}-fold cross-validation | {accuracy:.4f} |
| largest difference of a probability from scikit-learn's, over the 150 rows | {difference:.6f} |
| licence | Apache-2.0; the data: UCI, CC BY 4.0 |

The served forest is fitted to all 150 rows, so its accuracy on them says nothing: the figure
above comes from forests that had not seen the rows they were asked about.
A row outside the ranges in `model.toml` is answered, but a forest cannot extrapolate: it answers as
it would at the edge.

Made by `python model/zoo/iris/train.py`, which also writes this page.
"""


def fit() -> RandomForestClassifier:
    """Fit the forest to all of iris; the same forest each time."""
    data = load_iris()
    return _forest().fit(data.data, data.target)


def _forest() -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=TREES, random_state=SEED)


def export(forest: RandomForestClassifier) -> bytes:
    """Export the forest as ONNX: `rows` float32[N, 4] -> `probabilities` float32[N, 3]."""
    model = skl2onnx.to_onnx(
        forest,
        initial_types=[(INPUT, FloatTensorType([None, len(NAMES)]))],
        # Without zipmap the probabilities are one matrix, not a list of dictionaries.
        options={id(forest): {"zipmap": False}},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
    # The label would be a number from 0 to 2 beside the probabilities that it is made of.
    del model.graph.output[0]
    content: bytes = model.SerializeToString()
    return content


def bake(folder: Path) -> None:
    """Write the whole bundle: model file, manifest, samples, golden vectors, reference, card."""
    data = load_iris()
    print(f"cross-validating, {FOLDS} folds …", flush=True)
    accuracy = float(cross_val_score(_forest(), data.data, data.target, cv=FOLDS).mean())
    print(f"  accuracy {accuracy:.4f}\nfitting all 150 rows …", flush=True)
    forest = fit()
    _bake_forest(folder, forest, accuracy)
    bake_reference(folder)

    answers, _ = Predictor.load(folder).predict(data.data.tolist())
    ours = np.array([list(answer["probabilities"].values()) for answer in answers])
    card = CARD.format(
        columns=", ".join(f"`{name}`" for name in NAMES),
        labels=", ".join(LABELS),
        trees=TREES,
        seed=SEED,
        folds=FOLDS,
        accuracy=accuracy,
        difference=np.abs(ours - forest.predict_proba(data.data)).max(),
    )
    (folder / "CARD.md").write_text(card, encoding="utf-8")


def _bake_forest(folder: Path, forest: RandomForestClassifier, accuracy: float) -> None:
    """Export the forest and bake it, every tenth flower a sample."""
    data = load_iris()
    lows, highs = data.data.min(axis=0).tolist(), data.data.max(axis=0).tolist()
    samples = [
        Sample(f"row {place}", data.data[place].tolist(), LABELS[data.target[place]])
        for place in range(0, 150, 10)
    ]
    with TemporaryDirectory() as work:
        (Path(work) / "iris.onnx").write_bytes(export(forest))
        bake_model(
            Path(work) / "iris.onnx",
            name=folder.name,
            folder=folder.parent,
            replace=True,
            labels=LABELS,
            columns=[
                Column(name, unit="cm", minimum=low, maximum=high)
                for name, low, high in zip(NAMES, lows, highs, strict=True)
            ],
            samples=samples,
            description="Which of three irises is it, by four lengths of the flower.",
            licence="Apache-2.0",
            training={
                "data": "sklearn.datasets.load_iris, 150 rows",
                "seed": SEED,
                "framework": f"scikit-learn {sklearn.__version__}",
                "script": "model/zoo/iris/train.py",
            },
            metrics={"cross_validation_accuracy": round(accuracy, 4)},
        )


def bake_reference(folder: Path) -> None:
    """Write the reference: all rows, and the answers of forests that had not seen them."""
    data = load_iris()
    answers = cross_val_predict(_forest(), data.data, data.target, cv=FOLDS, method="predict_proba")
    source = f"sklearn.datasets.load_iris, 150 rows; answers: {FOLDS}-fold, out of fold"
    rows = data.data.astype(np.float32)
    write_reference(folder, {INPUT: rows}, {OUTPUT: answers}, source=source)


def main(arguments: Sequence[str] | None = None) -> None:
    """Bake as the command line says."""
    parser = argparse.ArgumentParser(prog="python model/zoo/iris/train.py", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the bundle is written")
    parser.add_argument("--reference", action="store_true", help="write nothing but the reference")
    options = parser.parse_args(arguments)
    (bake_reference if options.reference else bake)(options.folder)


if __name__ == "__main__":
    main()
