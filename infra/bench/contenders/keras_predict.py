"""FastAPI and Keras: the first thing that a Keras user writes."""

from __future__ import annotations

import io
import os
from typing import Any

import keras
import numpy as np
from fastapi import FastAPI, Request
from mangum import Mangum
from PIL import Image

model = keras.models.load_model(os.environ["MODEL"], compile=False)
app = FastAPI()


@app.post("/models/digits/predict")
async def predict(request: Request) -> dict[str, Any]:
    """Predict the digit in the picture that is the body."""
    picture = Image.open(io.BytesIO(await request.body())).convert("L").resize((28, 28))
    pixels = np.asarray(picture, np.float32).reshape(1, 28, 28, 1) / 255
    shares = model.predict(pixels, verbose=0)[0]
    return {"label": str(shares.argmax()), "probabilities": shares.tolist()}


handler = Mangum(app, lifespan="off")
