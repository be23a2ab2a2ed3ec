"""The picture recipe: what becomes of pixels, and what its settings may be."""

from __future__ import annotations

import io
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.bundle.table import Table
from model.errors import InputError
from model.recipes.base import NotedFeeds
from model.recipes.picture import Picture, load
from model.tensors import Tensor

NOISE = np.random.default_rng(7).integers(0, 256, (12, 18, 3), np.uint8)
RED, WHITE = (255, 0, 0), (255, 255, 255)


def opened(settings: dict[str, Any], *shape: int, dtype: str = "float32") -> Picture:
    """Open the recipe with settings that are right."""
    table = Table(Path(), settings, [])
    recipe = load(table, (Tensor("x", dtype, shape),))
    table.close()
    assert table.problems == []
    return recipe


def file_of(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Save a picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def made(recipe: Picture, *pictures: Image.Image) -> NDArray[Any]:
    """Return what the recipe makes of pictures."""
    files = [file_of(one) for one in pictures]
    array: NDArray[Any] = recipe.tensors(files, max_pixels=1 << 20)["x"]
    return array


SCALING: list[tuple[Any, Any]] = [(1.0, 0.0), (0.5, -1.5), ([0.1, 0.2, 0.3], [1, 2, 3])]


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
@pytest.mark.parametrize("colours", ["rgb", "bgr"])
@pytest.mark.parametrize(("scale", "shift"), SCALING)
def test_channels_are_scaled_in_the_models_order(
    scale: Any, shift: Any, colours: str, dtype: str
) -> None:
    """First or last, red or blue first: x * scale + shift, by the channel if there is a list."""
    pixels = NOISE if colours == "rgb" else NOISE[..., ::-1]
    expected = (pixels * np.array(scale) + np.array(shift)).astype(dtype)
    settings = {"colours": colours, "scale": scale, "shift": shift}
    last = made(opened(settings, -1, 12, 18, 3, dtype=dtype), Image.fromarray(NOISE))
    first = made(opened(settings, -1, 3, 12, 18, dtype=dtype), Image.fromarray(NOISE))
    assert last.dtype == dtype
    np.testing.assert_allclose(
        last, expected[np.newaxis], rtol=1e-3 if dtype == "float16" else 1e-6
    )
    assert np.array_equal(first, last.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("shape", [(-1, 12, 18), (-1, 1, 12, 18), (-1, 12, 18, 1)])
def test_gray_has_one_channel_or_no_axis_for_it(shape: tuple[int, ...]) -> None:
    """A colour picture for a gray model is the luma that Pillow, torchvision and Keras compute."""
    picture = Image.fromarray(NOISE)
    got = made(opened({"scale": 1}, *shape), picture)
    assert got.shape == (1, *shape[1:])
    assert np.array_equal(got.reshape(12, 18), np.asarray(picture.convert("L")))


@pytest.mark.parametrize(
    ("dtype", "settings", "expected"),
    [
        ("uint8", {}, [0, 7, 255]),
        ("int8", {}, [-128, -121, 127]),
        ("int32", {"shift": -5}, [-5, 2, 250]),
        ("uint8", {"scale": 2, "shift": -1}, [0, 13, 255]),
        ("int8", {"scale": 0.5, "shift": 0}, [0, 4, 127]),
    ],
)
def test_integers_are_pixels_unless_told_otherwise(
    dtype: str, settings: dict[str, Any], expected: list[int]
) -> None:
    """uint8 is the pixel, int8 the pixel less 128; what is scaled is rounded and stays in range."""
    picture = Image.fromarray(np.array([[0, 7, 255]], np.uint8))
    got = made(opened(settings, -1, 1, 1, 3, dtype=dtype), picture)
    assert (got.dtype.name, got.ravel().tolist()) == (dtype, expected)


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(("edge", "scaled"), [(None, (9, 6)), (8, (12, 8))])
def test_a_crop_is_the_middle_of_the_scaled_picture(
    resample: str, edge: int | None, scaled: tuple[int, int]
) -> None:
    """The same as to scale the shorter side and to cut then, as training code does it."""
    picture = Image.fromarray(NOISE)
    settings = {"scale": 1, "fit": "crop", "resample": resample}
    settings |= {"shortest_edge": edge} if edge else {}
    whole = np.asarray(picture.resize(scaled, Image.Resampling[resample.upper()]), np.float32)
    left, top = round((scaled[0] - 6) / 2), round((scaled[1] - 6) / 2)
    got = made(opened(settings, -1, 6, 6, 3), picture)[0]
    assert np.abs(got - whole[top : top + 6, left : left + 6]).max() <= 1


def test_a_letterbox_keeps_the_whole_picture() -> None:
    """Twice as wide as high, it leaves a quarter of a square free above and below, in colour."""
    settings = {"scale": 1, "fit": "letterbox", "pad": [1, 2, 3], "size": [8, 8]}
    got = made(opened(settings, -1, -1, -1, 3), Image.new("RGB", (40, 20), RED))[0]
    assert got[2:6].reshape(-1, 3).tolist() == [list(RED)] * 32
    assert got[[0, 1, 6, 7]].reshape(-1, 3).tolist() == [[1, 2, 3]] * 32


def test_a_stretch_is_pillows() -> None:
    """Nothing is cut or added; the default filter is Pillow's bilinear, which smooths."""
    picture = Image.fromarray(NOISE)
    expected = picture.resize((5, 4), Image.Resampling.BILINEAR)
    assert np.array_equal(made(opened({"scale": 1}, -1, 4, 5, 3), picture)[0], np.asarray(expected))


def _transparent() -> Image.Image:
    picture = Image.new("RGBA", (2, 1), (*RED, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    return picture


def _palette() -> Image.Image:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, 0, 0, 0])
    picture.putpixel((1, 0), 1)
    picture.info["transparency"] = 1
    return picture


def _half() -> Image.Image:
    picture = Image.new("LA", (2, 1), (0, 128))
    picture.putpixel((1, 0), (0, 255))
    return picture


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (_transparent(), [RED, WHITE]),
        (_palette(), [RED, WHITE]),
        (_half(), [(127, 127, 127), (0, 0, 0)]),
        (Image.fromarray(np.array([[256, 65535]], np.uint16)), [(1, 1, 1), WHITE]),
        (Image.fromarray(np.array([[False, True]])), [(0, 0, 0), WHITE]),
        (Image.new("L", (2, 1), 9), [(9, 9, 9)] * 2),
    ],
    ids=["RGBA", "palette", "LA", "16 bits", "1 bit", "gray"],
)
def test_a_picture_of_any_mode_is_seen_as_people_see_it(
    picture: Image.Image, expected: list[tuple[int, ...]]
) -> None:
    """Transparent pixels show white, 16 bits keep their upper half, gray gets three channels."""
    got = made(opened({}, -1, 3, 1, 2, dtype="uint8"), picture)
    assert got[0, :, 0].T.tolist() == [list(one) for one in expected]


def test_jpegs_of_printers_and_of_turned_cameras() -> None:
    """CMYK becomes RGB, and what was photographed sideways stands upright."""
    printed = file_of(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    recipe = opened({}, -1, 16, 16, 3, dtype="uint8")
    assert np.abs(recipe.tensors([printed], max_pixels=256)["x"] - np.array(RED)).max() < 9
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.new("L", (16, 32))
    lying.paste(255, (0, 0, 16, 16))
    turned = opened({}, -1, 16, 32, dtype="uint8")
    got = turned.tensors([file_of(lying, "JPEG", exif=exif)], max_pixels=512)["x"][0]
    assert (got[:, :12].max(), got[:, 20:].min()) == (0, 255)


def test_the_sizes_of_pictures_are_noted() -> None:
    """An answer of the owner's scales boxes by them: as in the file, upright, not as decoded."""
    exif = Image.Exif()
    exif[0x0112] = 6
    large = file_of(Image.new("L", (4096, 2048)), "JPEG", exif=exif)
    small = file_of(Image.new("L", (30, 20)))
    feeds = opened({"scale": 1}, -1, 4, 4).tensors([large, small], max_pixels=1 << 24)
    assert isinstance(feeds, NotedFeeds)
    assert feeds.notes["_sizes"].tolist() == [[4096, 2048], [20, 30]]


def test_a_bad_picture_is_named_by_its_place() -> None:
    """Among several the error says which, and the limit counts all of them."""
    recipe, good = opened({}, -1, 2, 2, dtype="uint8"), file_of(Image.new("L", (10, 10)))
    with pytest.raises(InputError, match=r"^images\[1\]: expected a PNG"):
        recipe.tensors([good, b"no picture"], max_pixels=1000)
    with pytest.raises(InputError, match=r"^images\[1\]: expected at most 150 pixels"):
        recipe.tensors([good, good], max_pixels=150)


def test_a_description_is_true() -> None:
    """The example is a picture that the recipe takes; the tensor has the size filled in."""
    recipe = opened({"size": [4, 6], "scale": 1}, -1, 3, -1, -1)
    said = recipe.describe()
    assert (said.takes, said.size, said.features) == ("image", (4, 6), ())
    assert said.tensors == (Tensor("x", "float32", (-1, 3, 4, 6)),)
    got = recipe.tensors([b64decode(said.example)] * 2, max_pixels=1 << 13)
    assert {name: array.shape for name, array in got.items()} == {"x": (2, 3, 4, 6)}
    assert np.ptp(got["x"]) > 100
    assert recipe.features(got) == {}


NUMBERS = "a finite number, or a list of 3"
INPUTS = "one of numbers, [-1, c, h, w], [-1, h, w, c] or [-1, h, w] with c = 1 or 3"


@pytest.mark.parametrize(
    ("settings", "shape", "expected"),
    [
        ({}, (-1, 3, 8, 8), [f"picture.scale: expected {NUMBERS}, got nothing"]),
        (
            {"scale": [1, 2], "shift": "x"},
            (-1, 3, 8, 8),
            [
                f"picture.scale: expected {NUMBERS}, got [1, 2]",
                f"picture.shift: expected {NUMBERS}, got 'x'",
            ],
        ),
        (
            {"scale": 1},
            (-1, 3, -1, 8),
            [
                "picture.size: expected [height, width], which the input leaves free, got nothing",
            ],
        ),
        (
            {"scale": 1, "size": [8, 9]},
            (-1, 3, -1, 8),
            ["picture.size: expected [-1, 8], as the input has it, got [8, 9]"],
        ),
        (
            {"scale": 1, "size": [8]},
            (-1, 3, 8, 8),
            ["picture.size: expected a list of two whole numbers from 1, got [8]"],
        ),
        (
            {"scale": 1, "colours": "gray"},
            (-1, 3, 8, 8),
            ["picture.colours: expected one for 3 channels, as the input has, got 'gray'"],
        ),
        (
            {"scale": 1, "colours": "rgba"},
            (-1, 3, 8, 8),
            ["picture.colours: expected one of gray, rgb, bgr, got 'rgba'"],
        ),
        (
            {"scale": 1, "fit": "crop", "shortest_edge": 7},
            (-1, 3, 8, 8),
            ["picture.shortest_edge: expected at least 8, the size, got 7"],
        ),
        (
            {"scale": 1, "fit": "letterbox", "pad": 256},
            (-1, 3, 8, 8),
            ["picture.pad: expected numbers from 0 to 255, got [256.0, 256.0, 256.0]"],
        ),
        (
            {"scale": 1},
            (-1, 4, 8, 8),
            [f"inputs: expected {INPUTS}, got float32 of shape [-1, 4, 8, 8]"],
        ),
        (
            {"scale": 1},
            (1, 3, 8, 8),
            [f"inputs: expected {INPUTS}, got float32 of shape [1, 3, 8, 8]"],
        ),
    ],
)
def test_wrong_settings_are_all_told(
    settings: dict[str, Any], shape: tuple[int, ...], expected: list[str]
) -> None:
    """Each is named with what was expected; a float's scale is never guessed."""
    table = Table(Path(), settings, [], "picture.")
    load(table, (Tensor("x", "float32", shape),))
    table.close()
    assert [str(one) for one in table.problems] == expected
