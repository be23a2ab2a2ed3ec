"""A Hugging Face folder of a tiny classifier of texts: good and fine are POSITIVE, bad is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from tests.model.bake.models import model_of

WORDS = ["[PAD]", "[UNK]", "good", "bad", "fine"]
SCORES = {"good": [-3, 3], "fine": [-2, 2], "bad": [3, -3]}
CONFIG = {
    "architectures": ["DistilBertForSequenceClassification"],
    "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
}


def review_folder(folder: Path, *, config: dict[str, Any] = CONFIG) -> Path:
    """Write the folder as `optimum-cli export onnx` and a tokenizer's save_pretrained do."""
    (folder / "onnx").mkdir(parents=True)
    weights = np.array([SCORES.get(word, [0, 0]) for word in WORDS], np.float32)
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["scores"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=1),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["scores", "column"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "tokens"], ["logits"], keepdims=0),
    ]
    ids = ("INT64", ["batch", "sequence"])
    model_of(
        folder / "onnx" / "model.onnx", nodes, {"input_ids": ids, "attention_mask": ids},
        {"logits": ("FLOAT", ["batch", 2])}, {"weights": weights, "last": [2], "tokens": [1]},
    )  # fmt: skip
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    files = {"config.json": config, "tokenizer_config.json": {"model_max_length": 3}}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# Reviews\n")
    return folder
