"""A function that predicts by its settings: two versions of it answer differently."""

from __future__ import annotations

import os
from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer each row with the label that ANSWER names, for the model version MODEL_VERSION."""
    if os.environ["ANSWER"] == "fails":
        raise RuntimeError("no model")
    label = os.environ["ANSWER"]
    prediction = {"label": label, "probabilities": {"yes": 0.0, "no": 0.0} | {label: 1.0}}
    return {
        "model": event["model"],
        "version": os.environ["MODEL_VERSION"],
        "predictions": [prediction for _ in event["rows"]],
        "function_version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
    }
