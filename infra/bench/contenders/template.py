"""A handler without a framework that calls a TensorFlow model, as the public templates do."""

from __future__ import annotations

import base64
import io
import json
import os
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

model = tf.keras.models.load_model(os.environ["MODEL"], compile=False)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Predict the digit in the event's body."""
    picture = Image.open(io.BytesIO(base64.b64decode(event["body"]))).convert("L")
    pixels = np.array(picture.resize((28, 28)), np.float32).reshape(1, 28, 28, 1) / 255
    label = int(np.argmax(model(pixels)))
    return {"statusCode": 200, "body": json.dumps({"label": str(label)})}
