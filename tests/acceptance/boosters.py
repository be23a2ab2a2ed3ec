"""Convert tiny boosters of every kind, in the converters' environment: `python boosters.py FOLDER`.

Each kind leaves KIND.onnx and KIND.npz (inputs, and what the booster itself answers), or KIND.txt
with the reason of a refusal.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import xgboost

sys.path.append(str(Path(__file__).parents[2] / "model" / "bake"))

lightgbm_file = import_module("converters.lightgbm_file")
xgboost_file = import_module("converters.xgboost_file")
Refused = import_module("converters.host").Refused

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.integers(0, 40, (80, 3)).astype(np.float32) / 4
ROWS[::9, 1] = np.nan
TARGETS = {
    "binary": (ROWS[:, 0] > 4).astype(int), "multi": (ROWS[:, 0] // 4).clip(0, 2).astype(int),
    "number": ROWS[:, 0] * 3 + 1, "code": ROWS[:, 2] // 2 % 2 * 5,
}  # fmt: skip

XGBOOST: dict[str, tuple[str, dict[str, Any]]] = {
    "xgboost_logistic": ("binary", {"objective": "binary:logistic"}),
    "xgboost_logitraw": ("binary", {"objective": "binary:logitraw"}),
    "xgboost_softprob": ("multi", {"objective": "multi:softprob", "num_class": 3}),
    "xgboost_softmax": ("multi", {"objective": "multi:softmax", "num_class": 3}),
    "xgboost_number": ("number", {"objective": "reg:squarederror"}),
    "xgboost_poisson": ("number", {"objective": "count:poisson"}),
    "xgboost_cox": ("number", {"objective": "survival:cox"}),
    "xgboost_rank": ("number", {"objective": "rank:pairwise"}),
    "xgboost_dart": ("number", {"booster": "dart", "rate_drop": 0.5}),
    "xgboost_linear": ("number", {"booster": "gblinear"}),
    "xgboost_hinge": ("binary", {"objective": "binary:hinge"}),
}
LIGHTGBM: dict[str, tuple[str, dict[str, Any]]] = {
    "lightgbm_binary": ("binary", {"objective": "binary"}),
    "lightgbm_multi": ("multi", {"objective": "multiclass", "num_class": 3}),
    "lightgbm_number": ("number", {"objective": "regression"}),
    "lightgbm_gamma": ("number", {"objective": "gamma"}),
    "lightgbm_forest": ("number", {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}),
    "lightgbm_codes": ("code", {"objective": "regression", "categorical_feature": [2]}),
    "lightgbm_linear": ("number", {"linear_tree": True}),
    "lightgbm_root": ("number", {"reg_sqrt": True}),
}


def train_xgboost(path: Path, target: str, settings: dict[str, Any]) -> None:
    """Save a booster with the columns' names."""
    names = ["age", "fare (EUR)", "city"]
    data = xgboost.DMatrix(ROWS, TARGETS[target], feature_names=names)
    xgboost.train({"max_depth": 3, "nthread": 1, **settings}, data, 4).save_model(path)


def train_lightgbm(path: Path, target: str, settings: dict[str, Any]) -> None:
    """Save a booster as text."""
    rows = ROWS.astype(np.float64)
    rows[:, 2] = rows[:, 2] // 2
    few = {
        "min_data_in_leaf": 2,
        "min_data_per_group": 2,
        "cat_smooth": 1,
        "num_threads": 1,
        "verbose": -1,
    }
    how = {**few, **settings}
    codes = how.pop("categorical_feature", "auto")
    data = lightgbm.Dataset(rows, TARGETS[target], params=how, categorical_feature=codes)
    lightgbm.train(how, data, 4).save_model(path)


def main(folder: Path) -> None:
    """Train, convert and ask all kinds."""
    for kinds, train, converter, ending in (
        (XGBOOST, train_xgboost, xgboost_file, "json"),
        (LIGHTGBM, train_lightgbm, lightgbm_file, "booster"),
    ):
        for kind, (target, settings) in kinds.items():
            path, onnx = folder / f"{kind}.{ending}", folder / f"{kind}.onnx"
            train(path, target, settings)
            try:
                _, run = converter.convert(str(path), str(onnx))
            except Refused as exc:
                (folder / f"{kind}.txt").write_text(" ".join(exc.args), encoding="utf-8")
                continue
            np.savez(folder / f"{kind}.npz", input=ROWS, **run({"input": ROWS}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
