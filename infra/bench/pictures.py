"""Digits to measure accuracy on: clean ones that no model has learnt, and the same made messy."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from infra.bench.contenders import ROOT
from infra.bench.places import BenchError

_HELD_OUT: Final = (
    "import json, sys\n"
    "from model.bundle.manifest import read_manifest\n"
    "from model.zoo.digits.dataset import small_mnist, split_of\n"
    "from pathlib import Path\n"
    "seed = read_manifest(Path('model/zoo/digits')).training['seed']\n"
    "data = small_mnist()\n"
    "apart = split_of(data.labels, seed=seed)[1]\n"
    "pixels = (data.digits[apart] * 255).astype('uint8').reshape(len(apart), -1)\n"
    "json.dump([data.labels[apart].tolist(), pixels.tolist()], sys.stdout)\n"
)
"""Run as a process: the zoo's code is no part of infra."""


@dataclass(frozen=True)
class Digit:
    """A picture's bytes in PNG, and the digit on it."""

    picture: bytes
    label: str


def clean_digits(count: int) -> list[Digit]:
    """Return digits of MNIST that were held out when the model was trained, evenly spread.

    Raises:
        BenchError: they cannot be had.
    """
    ran = subprocess.run(
        [sys.executable, "-c", _HELD_OUT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        raise BenchError(f"expected the held-out digits, got {last}")
    labels, pixels = json.loads(ran.stdout)
    step = max(1, len(labels) // count)
    return [
        Digit(_png(Image.fromarray(np.array(one, np.uint8).reshape(28, 28))), str(label))
        for label, one in list(zip(labels, pixels, strict=True))[::step][:count]
    ]


def messy_digits(clean: list[Digit], seed: int = 16) -> list[Digit]:
    """Draw each digit as people send them: dark on light, off-centre, tilted, unevenly lit."""
    chance = random.Random(seed)  # noqa: S311 -- pictures, no secrets
    return [Digit(_png(_messy(one.picture, chance)), one.label) for one in clean]


def _messy(picture: bytes, chance: random.Random) -> Image.Image:
    side = chance.choice((200, 280, 400))
    ink = Image.open(io.BytesIO(picture)).resize((side // 2,) * 2, Image.Resampling.BICUBIC)
    ink = ink.rotate(chance.uniform(-12, 12), Image.Resampling.BICUBIC)
    canvas = Image.new("L", (side + chance.randrange(side // 2), side), 0)
    canvas.paste(ink, (chance.randrange(canvas.width - side // 2), chance.randrange(side // 2)))
    light = np.linspace(chance.uniform(150, 220), chance.uniform(190, 250), canvas.width)
    noise = np.random.default_rng(chance.randrange(1 << 30)).normal(0, 4, (side, canvas.width))
    paper = light[None, :] + noise
    depth = np.asarray(canvas.filter(ImageFilter.GaussianBlur(side / 250)), np.float64) / 255
    shown = paper * (1 - chance.uniform(0.6, 0.9) * depth)
    found = Image.fromarray(shown.clip(0, 255).astype(np.uint8))
    return ImageOps.invert(found) if chance.random() < 0.25 else found


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
