"""Train and bake the progression model: scikit-learn's linear regression, exported to ONNX.

python model/zoo/progression/train.py
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

if not __package__:  # run as a file: what lies beside it must not be found in place of packages
    sys.path[0] = str(Path(__file__).resolve().parents[3])

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict

from model.bake import bake as bake_model
from model.bake.write import write_reference
from model.recipes.base import Column

FOLDER: Final = Path(__file__).parent
SEED: Final = 7
FOLDS: Final = 10
INPUT: Final = "input"
OUTPUT: Final = "variable"
COLUMNS: Final = {
    "bmi": ("body_mass_index", "kg/m²"),
    "bp": ("blood_pressure", "mmHg"),
    "s3": ("hdl_cholesterol", "mg/dl"),
    "s5": ("log_triglycerides", "log(mg/dl)"),
}
"""scikit-learn's name of each column, ours, and its unit; others add nothing on unseen rows."""

CARD: Final = """# progression

How far does a diabetes progress within a year? A linear regression over four measurements.

| | |
|---|---|
| kind | table regression: {columns} |
| answer | the study's measure of progression, from 25 to 346 among its people; it has no unit |
| data | scikit-learn's `load_diabetes`: Efron and others, 2004: 442 people |
| model | `LinearRegression()`, baked by `model.bake` |
| R², {folds}-fold cross-validation | {r2:.4f} |
| mean absolute error, {folds}-fold cross-validation | {error:.1f} |
| the same of always answering the mean | {mean_error:.1f} |
| licence | Apache-2.0; the data: ships with scikit-learn |

It shows how a regression is served, and must not be used on people.
The served model is fitted to all 442 rows; the figures above come from models that had not seen the
rows they were asked about.

Made by `python model/zoo/progression/train.py`, which also writes this page.
"""


def load() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Load the data.

    Returns:
        float64[442, 4] in the columns' units, and float64[442], the progression.
    """
    data = load_diabetes(scaled=False)
    places = [data.feature_names.index(name) for name in COLUMNS]
    return data.data[:, places], data.target


def bake(folder: Path) -> None:
    """Write the whole bundle: model file, manifest, samples, golden vectors, reference, card."""
    rows, target = load()
    folds = KFold(FOLDS, shuffle=True, random_state=SEED)
    unseen = cross_val_predict(LinearRegression(), rows, target, cv=folds)
    error = float(np.abs(unseen - target).mean())
    r2 = 1 - float(((unseen - target) ** 2).sum() / ((target - target.mean()) ** 2).sum())
    bake_model(
        LinearRegression().fit(rows, target),
        name=folder.name,
        folder=folder.parent,
        replace=True,
        columns=[
            Column(name, unit=unit, minimum=float(column.min()), maximum=float(column.max()))
            for (name, unit), column in zip(COLUMNS.values(), rows.T, strict=True)
        ],
        samples=rows[::45],
        description="How far a diabetes progresses within a year, by four measurements.",
        licence="Apache-2.0",
        training={
            "data": "sklearn.datasets.load_diabetes, 442 rows",
            "seed": SEED,
            "framework": f"scikit-learn {sklearn.__version__}",
            "script": "model/zoo/progression/train.py",
        },
        metrics={"cross_validation_r2": round(r2, 4), "cross_validation_error": round(error, 1)},
    )
    source = f"sklearn.datasets.load_diabetes, 442 rows; answers: {FOLDS}-fold, out of fold"
    card = CARD.format(
        columns=", ".join(f"`{name}`" for name, _ in COLUMNS.values()),
        folds=FOLDS,
        r2=r2,
        error=error,
        mean_error=np.abs(target - target.mean()).mean(),
    )
    (folder / "CARD.md").write_text(card, encoding="utf-8")
    write_reference(
        folder, {INPUT: rows.astype(np.float32)}, {OUTPUT: unseen[:, np.newaxis]}, source=source
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Bake as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python model/zoo/progression/train.py", description=__doc__
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the bundle is written")
    bake(parser.parse_args(arguments).folder)


if __name__ == "__main__":
    main()
