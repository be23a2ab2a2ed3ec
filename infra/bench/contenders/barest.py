"""The barest FastAPI function that predicts a digit: it validates nothing and reports nothing."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request
from mangum import Mangum
from PIL import Image

session = onnxruntime.InferenceSession(os.environ["MODEL"], providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
app = FastAPI()


@app.post("/models/digits/predict")
async def predict(request: Request) -> dict[str, Any]:
    """Predict the digit in the picture that is the body."""
    picture = Image.open(io.BytesIO(await request.body())).convert("L").resize((28, 28))
    pixels = np.asarray(picture, np.float32).reshape(1, 28, 28, 1) / 255
    shares = session.run(None, {name: pixels})[0][0]
    return {"label": str(shares.argmax()), "probabilities": shares.tolist()}


handler = Mangum(app, lifespan="off")
