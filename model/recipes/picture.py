"""The recipe `picture`: picture files of any size and mode to one tensor of pixels.

[picture]
size = [224, 224]          height, width; only where the input leaves them free
fit = "stretch"            stretch | crop (the middle) | letterbox (the whole, on a ground)
shortest_edge = 256        crop only: the picture's shorter side before the crop; absent: the size
pad = [0, 0, 0]            letterbox only: the ground, a number or red, green, blue, 0 to 255
resample = "bilinear"      Pillow's filters, which smooth where they shrink
colours = "rgb"            gray | rgb | bgr; absent: by the number of channels
scale = 0.00392156862      x * scale + shift for each pixel x of 0 to 255: a number, or a list in
shift = 0.0                the order of the model's channels

`scale` has no default for floats, since no file says it and a wrong one is wrong silently; for
integers it is 1. `shift` is 0, for int8 -128. Whether channels come first or last is told by the
input's shape: [-1, 3, h, w], [-1, h, w, 3], [-1, 1, h, w], [-1, h, w, 1] or [-1, h, w].

Transparent pixels show white (model/pictures/shown.py). A recipe.py with `answer` alone finds the
pictures' own heights and widths, int64[N, 2], under `_sizes`: boxes grow back by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import Problem
from model.pictures.decode import decode_each, size_of
from model.pictures.example import EXAMPLE
from model.pictures.shown import shown
from model.recipes.base import Description, Feeds, NotedFeeds, Takes
from model.tensors import Tensor

if TYPE_CHECKING:
    from PIL import Image

    from model.bundle.table import Table

FITS: Final = ("stretch", "crop", "letterbox")
FILTERS: Final = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
SIZES: Final = "_sizes"
CHANNELS: Final = {"gray": 1, "rgb": 3, "bgr": 3}


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture is brought to the model's size."""

    size: tuple[int, int]
    fit: str = "stretch"
    resample: str = "bilinear"
    edge: int | None = None
    pad: tuple[int, ...] = (0, 0, 0)

    def fitted(self, picture: Image.Image) -> Image.Image:
        """Return the picture, mode L or RGB, in exactly this size."""
        from PIL import Image

        resample = Image.Resampling[self.resample.upper()]
        height, width = self.size
        if self.fit == "stretch":
            return picture.resize((width, height), resample)
        if self.fit == "crop":
            return picture.resize((width, height), resample, box=self._middle_of(picture))
        share = min(width / picture.width, height / picture.height)
        inner = max(1, round(picture.width * share)), max(1, round(picture.height * share))
        ground = Image.new(picture.mode, (width, height), self.pad[: len(picture.getbands())])
        corner = (width - inner[0]) // 2, (height - inner[1]) // 2
        ground.paste(picture.resize(inner, resample), corner)
        return ground

    def _middle_of(self, picture: Image.Image) -> tuple[float, float, float, float]:
        """Return the box that is kept, in pixels of the picture.

        The same as to scale the whole picture and then to cut it: its sides and the corner are
        rounded as torchvision's Resize and CenterCrop round them.
        """
        height, width = self.size
        if self.edge:
            share = self.edge / min(picture.size)
        else:
            share = max(width / picture.width, height / picture.height)
        scaled = max(width, int(picture.width * share)), max(height, int(picture.height * share))
        left, top = round((scaled[0] - width) / 2), round((scaled[1] - height) / 2)
        across, down = picture.width / scaled[0], picture.height / scaled[1]
        return (
            left * across,
            top * down,
            min(picture.width, (left + width) * across),
            min(picture.height, (top + height) * down),
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """The recipe for a model whose only input is a picture.

    Attributes:
        tensor: the input, its height and width filled in.
        channels: where the channels are in `tensor`: 1, 3, or None where it has no axis for them.
        scale, shift: for float32[h, w] of gray; of colours one number, or one for each value of
            a row [w, 3], or a plane [3, 1, 1].
    """

    tensor: Tensor
    fit: Fit
    colours: str
    channels: int | None
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    takes: Takes = "image"

    def tensors(self, instances: Sequence[bytes], *, max_pixels: int) -> Feeds:
        """Decode, fit and scale picture files: dtype[N, h, w, c] or [N, c, h, w]."""
        batch = np.empty((len(instances), *self.tensor.shape[1:]), self.tensor.dtype)
        sizes = np.empty((len(instances), 2), np.int64)
        mode: Any = "L" if self.colours == "gray" else "RGB"
        with closing(decode_each(instances, max_pixels=max_pixels)) as decoded:
            for index, (_, picture) in enumerate(decoded):
                sizes[index] = size_of(picture)
                self._fill(batch[index], np.asarray(self.fit.fitted(shown(picture, mode))))
        feeds = NotedFeeds({self.tensor.name: batch})
        feeds.notes = {SIZES: sizes}
        return feeds

    def _fill(self, out: NDArray[Any], pixels: NDArray[np.uint8]) -> None:
        """Scale the pixels of one picture, uint8[h, w] or [h, w, 3], into its place."""
        if self.colours == "bgr":
            pixels = np.ascontiguousarray(pixels[..., ::-1])
        if pixels.ndim == 3 and self.channels == 1:
            pixels = pixels.transpose(2, 0, 1)
        pixels = pixels.reshape(out.shape)
        if (self.scale == 1).all() and not self.shift.any():
            out[...] = pixels
            return
        values = out if out.dtype == np.float32 else np.empty(out.shape, np.float32)
        np.multiply(pixels, self.scale, out=values)
        values += self.shift
        if values is not out:
            if out.dtype.kind in "iu":
                limits = np.iinfo(out.dtype)
                np.clip(np.rint(values, out=values), limits.min, limits.max, out=values)
            out[...] = values

    def describe(self) -> Description:
        """Describe a picture of any size."""
        return Description(
            takes=self.takes,
            subject="image",
            schema={"type": "string", "contentEncoding": "base64"},
            example=EXAMPLE,
            tensors=(self.tensor,),
            media_types=("image/*",),
            size=self.fit.size,
        )

    def features(self, feeds: Feeds) -> Feeds:
        """Return nothing: brightness or contrast move with every camera, and harm no model."""
        return {}


def load(settings: Table, inputs: tuple[Tensor, ...]) -> Picture:
    """Read the settings, and open the recipe for a model's input."""
    tensor, channels = _input_of(settings, inputs)
    count = tensor.shape[channels] if channels else 1
    colours = settings.choice("colours", tuple(CHANNELS), default="gray" if count == 1 else "rgb")
    if tensor.name and CHANNELS.get(colours, count) != count:
        settings.note("colours", f"one for {count} channels, as the input has", repr(colours))
    height, width = [axis for axis in range(1, len(tensor.shape)) if axis != channels]
    fit = _fit_of(settings, tensor, (height, width))
    shape = list(tensor.shape)
    shape[height], shape[width] = fit.size
    integer = tensor.dtype.startswith(("int", "uint"))
    scale = settings.vector("scale", count, default=1.0 if integer else None)
    shift = settings.vector("shift", count, default=-128.0 if tensor.dtype == "int8" else 0.0)
    rows = fit.size[1] if channels == len(shape) - 1 else None
    return Picture(
        replace(tensor, shape=tuple(shape)),
        fit,
        colours,
        channels,
        _broadcast(scale, rows),
        _broadcast(shift, rows),
    )


def _broadcast(values: tuple[float, ...], width: int | None) -> NDArray[np.float32]:
    """Bring a number a channel into the form that NumPy applies fastest.

    Args:
        values: one for each channel.
        width: of the picture, where the channels come last; None where they come first.
    """
    numbers = np.array(values, np.float32)
    if len(set(values)) == 1:
        return numbers[:1].reshape(())
    # Whole rows: an inner loop over three channels would take seven times as long.
    return np.tile(numbers, (width, 1)) if width else numbers[:, np.newaxis, np.newaxis]


def _input_of(settings: Table, inputs: tuple[Tensor, ...]) -> tuple[Tensor, int | None]:
    """Return the model's only input and the axis of its channels; note it if it is no picture."""
    stand_in = Tensor("", "float32", (-1, 1, 1, 3))
    if len(inputs) == 1 and inputs[0].dtype not in ("string", "bool"):
        shape = inputs[0].shape
        if len(shape) == 4 and shape[0] == -1:
            for axis in (1, 3):
                if shape[axis] in CHANNELS.values():
                    return inputs[0], axis
        if len(shape) == 3 and shape[0] == -1:
            return inputs[0], None
    if inputs:
        expected = "one of numbers, [-1, c, h, w], [-1, h, w, c] or [-1, h, w] with c = 1 or 3"
        settings.problems.append(Problem("inputs", expected, ", ".join(map(str, inputs))))
    return stand_in, 3


def _fit_of(settings: Table, tensor: Tensor, axes: tuple[int, int]) -> Fit:
    size = settings.pair("size")
    fixed = tensor.shape[axes[0]], tensor.shape[axes[1]]
    if size is None:
        if -1 in fixed and "size" not in settings.values:
            settings.note("size", "[height, width], which the input leaves free", "nothing")
        size = max(1, fixed[0]), max(1, fixed[1])
    elif tensor.name and any(ours not in (-1, size[n]) for n, ours in enumerate(fixed)):
        settings.note("size", f"{list(fixed)}, as the input has it", list(size))
    fit = settings.choice("fit", FITS, default="stretch")
    resample = settings.choice("resample", FILTERS, default="bilinear")
    edge = settings.integer("shortest_edge", default=0) if fit == "crop" else 0
    if 0 < edge < max(size):
        settings.note("shortest_edge", f"at least {max(size)}, the size", edge)
    pad = settings.vector("pad", 3, default=0.0) if fit == "letterbox" else (0.0,) * 3
    if any(level < 0 or level > 255 for level in pad):
        settings.note("pad", "numbers from 0 to 255", list(pad))
    ground = tuple(round(level) if 0 <= level <= 255 else 0 for level in pad)
    return Fit(size, fit, resample, edge or None, ground)
