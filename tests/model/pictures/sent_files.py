"""Pictures that are hard because of how they were saved or cropped."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tests.model.recipes.digit.pens import (
    Digit,
    Random,
    colours_apart,
    dark_on_light,
    drawn,
    grey,
    inked,
    placed,
    saved,
    sheet_of,
)


def as_mnist(digit: Digit, random: Random) -> bytes:
    """The 28 x 28 digit itself."""
    return saved(Image.fromarray(digit))


def inverted(digit: Digit, random: Random) -> bytes:
    """Dark on light, 28 x 28."""
    return saved(Image.fromarray(255 - digit))


def shifted(digit: Digit, random: Random) -> bytes:
    """28 pixels wide but not centred, at another strength of ink."""
    rolled = np.roll(digit, (int(random.integers(-4, 5)), int(random.integers(-4, 5))), (0, 1))
    return saved(grey(rolled * np.float32(random.uniform(0.4, 1)) + random.uniform(0, 20)))


def tight(digit: Digit, random: Random) -> bytes:
    """Cropped to its ink without a margin, at any size; a 1 is a strip."""
    ink = drawn(digit, int(random.integers(20, 200)), pen=float(random.uniform(-0.5, 0.5)))
    margin = int(random.integers(0, 3))
    sheet = np.pad(ink, margin)
    dark = random.random() < 0.5
    return saved(grey(inked(sheet, 0.0 if dark else 255.0, 255.0 if dark else 0.0)))


def tiny(digit: Digit, random: Random) -> bytes:
    """9 to 16 pixels."""
    side = int(random.integers(9, 17))
    plane = Image.fromarray(digit).crop((3, 3, 25, 25))
    small = np.asarray(plane.resize((side, side), Image.Resampling.BOX), np.float32)
    return saved(grey(small if random.random() < 0.5 else 255 - small))


def huge(digit: Digit, random: Random) -> bytes:
    """1,500 to 3,000 pixels, drawn with any pen."""
    plane = dark_on_light(digit, random, side=(1500, 3000))
    return saved(grey(plane), "JPEG" if random.random() < 0.7 else "PNG")


def off_centre(digit: Digit, random: Random) -> bytes:
    """A small digit anywhere on a large sheet."""
    width, height = (int(n) for n in random.integers(150, 900, 2))
    ink = drawn(digit, max(16, round(min(width, height) * random.uniform(0.12, 0.4))))
    at = (random.uniform(0.02, 0.98), random.uniform(0.02, 0.98))
    sheet = placed(ink, width, height, at=at)
    dark = random.random() < 0.6
    return saved(grey(inked(sheet, 20.0 if dark else 240.0, 245.0 if dark else 15.0)))


def turned_by_exif(digit: Digit, random: Random) -> bytes:
    """Stored in one of eight orientations, with the tag that says how to turn it back."""
    picture = grey(dark_on_light(digit, random))
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    orientation = int(random.integers(1, 9))
    if orientation > 1:
        picture = picture.transpose(back[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(picture, str(random.choice(["JPEG", "PNG", "WEBP"])), exif=exif.tobytes())


def coloured(digit: Digit, random: Random) -> bytes:
    """Ink of any colour on paper of any other."""
    ink, paper = colours_apart(random, 110)
    return saved(
        grey(inked(sheet_of(digit, random), ink, paper)), str(random.choice(["PNG", "JPEG"]))
    )


def same_brightness(digit: Digit, random: Random) -> bytes:
    """Ink and paper that differ in hue only: red on green, blue on red."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    ink, paper = colours_apart(random, 140)
    shift = weights @ (ink - paper)
    paper = np.clip(paper + shift, 0, 255)
    ink = np.clip(ink + weights @ (paper - ink), 0, 255)
    if np.linalg.norm(ink - paper) < 90:
        ink, paper = np.array([220, 60, 40], np.float32), np.array([40, 140, 60], np.float32)
    return saved(grey(inked(sheet_of(digit, random), ink, paper)))


def transparent(digit: Digit, random: Random) -> bytes:
    """Ink of any one colour on nothing; what is hidden behind nothing is any colour as well."""
    sheet = sheet_of(digit, random)
    ink = random.choice([0.0, 255.0]) if random.random() < 0.6 else random.uniform(0, 255)
    hidden = random.choice([ink, 0.0, 255.0])
    grey_level = np.where(sheet > 0.5, ink, hidden)
    layers = np.stack([grey_level] * 3 + [sheet * 255], axis=-1)
    picture = Image.fromarray(np.rint(layers).astype(np.uint8), "RGBA")
    if random.random() < 0.3:
        picture = picture.convert("LA")
    return saved(picture, "WEBP" if picture.mode == "RGBA" and random.random() < 0.4 else "PNG")


def sticker(digit: Digit, random: Random) -> bytes:
    """A card with the digit, rounded or inset, on a transparent ground."""
    scene = dark_on_light(digit, random, side=(60, 300))
    if random.random() < 0.4:
        scene = 255 - scene
    margin = int(random.integers(1, 20))
    card = np.pad(np.full(scene.shape, 255, np.float32), margin)
    levels = np.pad(scene, margin, constant_values=float(random.choice([0, 255])))
    return saved(
        Image.fromarray(np.stack([levels] * 3 + [card], -1).round().astype(np.uint8), "RGBA")
    )


def opaque_alpha(digit: Digit, random: Random) -> bytes:
    """An alpha channel that hides nothing."""
    plane = dark_on_light(digit, random)
    return saved(grey(plane if random.random() < 0.5 else 255 - plane).convert("RGBA"))


def sixteen_bit(digit: Digit, random: Random) -> bytes:
    """Grey levels of 16 bits, in the whole range or in a part of it."""
    plane = dark_on_light(digit, random) / 255
    if random.random() < 0.5:
        plane = 1 - plane
    top = float(random.choice([65535, 4095, 1023]))
    return saved(Image.fromarray(np.rint(np.clip(plane, 0, 1) * top).astype(np.uint16)))


def cmyk(digit: Digit, random: Random) -> bytes:
    """A JPEG for the press."""
    ink, paper = colours_apart(random, 150)
    picture = grey(inked(sheet_of(digit, random), ink, paper)).convert("CMYK")
    return saved(picture, "JPEG", quality=int(random.integers(60, 96)))


def one_bit(digit: Digit, random: Random) -> bytes:
    """Black and white only, as a fax."""
    plane = inked(sheet_of(digit, random, side=(28, 300)), 0.0, 255.0)
    if random.random() < 0.5:
        plane = 255 - plane
    picture = grey(plane).convert("1", dither=Image.Dither.NONE)
    return saved(picture, str(random.choice(["PNG", "BMP"])))


def palette(digit: Digit, random: Random) -> bytes:
    """Sixteen colours; sometimes the paper's entry is transparent."""
    ink, paper = colours_apart(random, 120)
    picture = grey(inked(sheet_of(digit, random), ink, paper)).quantize(16)
    options: dict[str, object] = {}
    if random.random() < 0.3:
        options["transparency"] = picture.getpixel((0, 0))
    return saved(picture, str(random.choice(["PNG", "GIF"])), **options)


def fine_liner(digit: Digit, random: Random) -> bytes:
    """A thin line on a large sheet."""
    sheet = sheet_of(digit, random, side=(150, 600), pen=-1.0)
    return saved(grey(inked(sheet, 20.0, 250.0)))


def marker(digit: Digit, random: Random) -> bytes:
    """A thick pen."""
    sheet = sheet_of(digit, random, side=(60, 600), pen=1.2)
    return saved(grey(inked(sheet, 20.0, 250.0)))


def animated(digit: Digit, random: Random) -> bytes:
    """The digit is the first frame; what follows is something else."""
    first = grey(dark_on_light(digit, random, side=(40, 200)))
    others = [Image.new("L", first.size, level) for level in (0, 90, 255)]
    return saved(
        first,
        str(random.choice(["GIF", "PNG", "WEBP"])),
        save_all=True,
        append_images=others,
        duration=80,
    )


def other_file(digit: Digit, random: Random) -> bytes:
    """WEBP with and without loss, progressive JPEG, BMP, grey with alpha."""
    picture = grey(dark_on_light(digit, random))
    options: list[tuple[str, dict[str, object]]] = [
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 60}),
        ("JPEG", {"progressive": True}),
        ("BMP", {}),
    ]
    file_format, more = options[int(random.integers(len(options)))]
    return saved(picture.convert("RGB"), file_format, **more)


KINDS = (
    as_mnist,
    inverted,
    shifted,
    tight,
    tiny,
    huge,
    off_centre,
    turned_by_exif,
    coloured,
    same_brightness,
    transparent,
    sticker,
    opaque_alpha,
    sixteen_bit,
    cmyk,
    one_bit,
    palette,
    fine_liner,
    marker,
    animated,
    other_file,
)
