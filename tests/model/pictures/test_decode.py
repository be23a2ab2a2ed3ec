"""Decoding: every format and mode comes out upright, and of rubbish only InputError."""

from __future__ import annotations

import io
import struct
import sys
import warnings
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from model.errors import FormatError, InputError, LimitError, Problem
from model.pictures import decode as decode_module
from model.pictures.decode import decode_each, decoded
from model.recipes.digit.recipe import to_digits
from tests.model.pictures.bombs import chunk, png
from tests.model.recipes.digit.pens import saved

MAX_PIXELS = 4096 * 4096
KNOWN = "a PNG, JPEG, WEBP, GIF or BMP picture"

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")


def corner() -> Image.Image:
    """Draw a white picture of 40 x 60 pixels with a black upper left corner."""
    plane = np.full((60, 40), 255, np.uint8)
    plane[:20, :10] = 0
    return Image.fromarray(plane)


def files() -> dict[str, bytes]:
    """Return one small picture of every format."""
    picture = corner()
    return {
        "PNG": saved(picture),
        "JPEG": saved(picture, "JPEG", quality=95),
        "JPEG progressive": saved(picture, "JPEG", progressive=True),
        "WEBP": saved(picture, "WEBP", lossless=True),
        "WEBP lossy": saved(picture, "WEBP"),
        "GIF": saved(picture, "GIF"),
        "BMP": saved(picture, "BMP"),
    }


FILES = files()

PLACES = st.floats(0, 1, exclude_max=True)
"""Where in a file, from its first byte to its last."""


def decode(data: bytes) -> Image.Image:
    """Decode with the limit that the service has."""
    return decoded(data, max_pixels=MAX_PIXELS)


def problem_of(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[type[InputError], Problem]:
    """Return the error that a picture raises, and its one problem."""
    with pytest.raises(InputError) as caught:
        decoded(data, max_pixels=max_pixels)
    (problem,) = caught.value.problems
    return type(caught.value), problem


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_decoded(name: str) -> None:
    """PNG, JPEG, WEBP, GIF and BMP come out with the size and the levels that went in."""
    picture = decode(FILES[name])
    assert picture.size == (40, 60)
    levels = np.asarray(picture.convert("L"), np.float32)
    assert np.abs(levels - np.asarray(corner(), np.float32)).mean() < 4


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_decoded(mode: str) -> None:
    """A picture of any mode comes out in a mode of the same meaning."""
    data = saved(corner().convert(mode), "JPEG" if mode == "CMYK" else "PNG")
    picture = decode(data)
    assert picture.mode == mode
    levels = np.asarray(picture.convert("RGBA").convert("L"), np.float32)
    assert levels[5, 5] < 10
    assert levels[50, 30] > 245 or mode == "I;16"


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_says(orientation: int, file_format: str) -> None:
    """All eight orientations of Exif put the corner where the eye saw it."""
    stored = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    picture = corner() if stored is None else corner().transpose(stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = decode(saved(picture, file_format, exif=exif.tobytes(), quality=95))
    assert upright.size == (40, 60)
    levels = np.asarray(upright.convert("L"))
    assert levels[4, 4] < 40
    assert min(levels[4, 35], levels[55, 4], levels[55, 35]) > 215


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\xff\xff", b"Exif\0\0" + b"\xff" * 60, b"Exif\0\0II*\0"],
)
def test_broken_exif_does_not_hide_the_picture(exif: bytes) -> None:
    """Orientation that cannot be read counts as upright."""
    assert decode(saved(corner(), "JPEG", exif=exif)).size == (40, 60)


def test_unknown_orientation_counts_as_upright() -> None:
    """Orientation 9 does not exist, and turns nothing."""
    exif = Image.Exif()
    exif[0x0112] = 9
    assert decode(saved(corner(), "JPEG", exif=exif.tobytes())).size == (40, 60)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_taken(file_format: str) -> None:
    """What follows the first frame is never looked at."""
    later = [Image.new("L", (40, 60), level) for level in (0, 90)]
    data = saved(corner(), file_format, save_all=True, append_images=later, duration=50)
    levels = np.asarray(decode(data).convert("L"), np.float32)
    assert np.abs(levels - np.asarray(corner(), np.float32)).mean() < 4


def test_a_large_jpeg_is_decoded_at_a_fraction() -> None:
    """A JPEG of 3000 x 4400 comes out at half its size: enough for any digit, at a quarter."""
    assert decode(saved(Image.new("L", (3000, 4400), 128), "JPEG")).size == (1500, 2200)


def test_adobe_inverted_cmyk_keeps_its_colours() -> None:
    """Pillow writes CMYK inverted, as Adobe does: white paper stays white."""
    picture = decode(saved(corner().convert("RGB").convert("CMYK"), "JPEG"))
    assert picture.convert("L").getpixel((30, 50)) == 255


def test_a_bmp_written_from_top_to_bottom_is_upright() -> None:
    """A negative height means that the first row comes first."""
    data = bytearray(saved(corner().convert("RGB"), "BMP"))
    (height,) = struct.unpack_from("<i", data, 22)
    struct.pack_into("<i", data, 22, -height)
    flipped = decode(bytes(data)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    assert np.array_equal(np.asarray(flipped.convert("L")), np.asarray(corner()))


def test_an_interlaced_png_is_decoded() -> None:
    """Adam7 in seven passes: one pixel of 1 x 1 has a first pass only."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 1)
    import zlib

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(b"\0\x07")) + chunk(b"IEND", b"")
    assert decode(data).getpixel((0, 0)) == 7


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (b"", "nothing"),
        (b"%PDF-1.7", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript document"),
        (b"II*\0" + bytes(60), "a TIFF picture, or a camera's raw file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\0\0\0\x20ftypavif", "an AVIF picture"),
    ],
)
def test_other_kinds_of_files_are_refused_by_their_first_bytes(data: bytes, got: str) -> None:
    """EPS, TIFF, SVG, AVIF, PDF: a FormatError that names what is read, and echoes nothing."""
    assert problem_of(data) == (FormatError, Problem("image", KNOWN, got))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_ends_too_early_is_refused(name: str) -> None:
    """Half a picture is no picture, in any format."""
    data = FILES[name]
    error, problem = problem_of(data[: len(data) // 2])
    assert error is InputError
    assert problem.expected == KNOWN
    assert "too early" in problem.got


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_without_its_end_is_decoded(mode: str) -> None:
    """Some cameras leave the end marker out; a file that is cut off has none either."""
    data = saved(corner().convert(mode), "JPEG")
    for whole in (data[:-2], data[:-1], data[:-2] + bytes(9)):
        assert decode(whole).tobytes() == decode(data).tobytes()
    for cut in (data[:-12], data[: len(data) * 2 // 3], data[:25]):
        assert problem_of(cut)[1].got == "a JPEG that ends too early"
    progressive = saved(corner().convert(mode), "JPEG", progressive=True)
    assert problem_of(progressive[:-2])[1].got == "a JPEG that ends too early"


def test_a_png_with_too_few_rows_is_refused() -> None:
    """The compressed rows end well, but there are fewer than the header says."""
    expected = (InputError, Problem("image", KNOWN, "a PNG whose pixels end too early"))
    assert problem_of(png(28, 28, rows=27)) == expected
    assert decode(png(28, 28)).size == (28, 28)


def test_the_pixel_limit_is_checked_on_the_header() -> None:
    """One pixel too many is a LimitError that says how many there may be and how many came."""
    expected = "at most 2400 pixels in a picture, and at most 65535 along a side"
    assert decoded(FILES["PNG"], max_pixels=2400).size == (40, 60)
    assert problem_of(FILES["PNG"], max_pixels=2399) == (
        LimitError,
        Problem("image", expected.replace("2400", "2399"), "40 x 60: resize the picture"),
    )


@pytest.mark.parametrize(
    ("height", "draft_side", "progressive", "outcome"),
    [
        (16, 4, False, ((4, 4), (16, 16))),
        (17, 4, False, "at most 256"),
        (16, 4, True, "at most 64"),
        (16, 0, False, "at most 64"),
        (4, 4, True, ((16, 4), (4, 16))),
    ],
)
def test_a_jpeg_that_is_scaled_down_may_announce_more(
    height: int, draft_side: int, outcome: object, *, progressive: bool
) -> None:
    """Four times the limit, where it is decoded row by row; a progressive one is held whole."""
    data = saved(Image.new("L", (16, height)), "JPEG", progressive=progressive)
    try:
        picture = decoded(data, max_pixels=64, draft_side=draft_side)
    except LimitError as error:
        got: object = error.problems[0].expected.partition(" pixels ")[0]
    else:
        got = picture.size, decode_module.size_of(picture)
    assert got == outcome


def test_one_side_may_not_be_endless() -> None:
    """A strip of one pixel's width is refused by its length, few as its pixels are."""
    error, problem = problem_of(png(70_000, 1, depth=1))
    assert error is LimitError
    assert problem.got == "70000 x 1: resize the picture"


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (png(8, 8, before=chunk(b"teXt", b"") * 20_000), "a PNG of more than 20000 chunks"),
        (b"\xff\xd8" + b"\xff\xfe\0\x02" * 513, "a JPEG of more than 512 segments"),
        (b"\xff\xd8" + b"\xff" * 300, "a JPEG with more than 256 fill bytes"),
        (b"GIF89a\1\0\1\0\0\0\0" + b"!\xfe\0" * 20_001, "a GIF of more than 20000 blocks"),
        (b"GIF89a\1\0\1\0\0\0\0!\xfe" + b"\x01a" * 65_537, "a GIF of more than 65536 blocks"),
    ],
)
def test_files_of_too_many_pieces_are_refused(data: bytes, got: str) -> None:
    """Pillow walks chunks and segments in Python: a million of them would take seconds."""
    assert problem_of(data) == (LimitError, Problem("image", KNOWN, got))


def test_metadata_is_dropped_before_decoding() -> None:
    """Text and profiles never reach the decoder, good or bad."""
    bad = chunk(b"iCCP", b"\xff" * 40) + chunk(b"zTXt", b"k\0\0broken") + chunk(b"gAMA", b"")
    assert decode(png(28, 28, before=bad)).info == {}


def test_where_names_the_picture_among_many() -> None:
    """With several pictures, the error says which one is broken."""
    with pytest.raises(InputError) as caught:
        to_digits([saved(corner()), b"broken"], max_pixels=MAX_PIXELS)
    assert str(caught.value) == f"images[1]: expected {KNOWN}, got 6 bytes of another kind"


def test_no_picture_makes_an_empty_batch() -> None:
    """N = 0 is float32[0, 28, 28, 1]."""
    digits = to_digits([], max_pixels=MAX_PIXELS)
    assert digits.shape == (0, 28, 28, 1)
    assert digits.dtype == np.float32


def test_pillow_is_not_imported_before_the_first_picture() -> None:
    """A function that serves tables only never pays for Pillow."""
    import subprocess

    code = (
        "import model.pictures.decode, sys; print([m for m in sys.modules if m.startswith('PIL')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_only_the_needed_plugin_is_imported() -> None:
    """A PNG costs the PNG reader, and none of Pillow's fifty others."""
    import subprocess

    code = """if True:
        import sys
        from model.pictures.decode import decoded
        decoded(bytes.fromhex(sys.argv[1]), max_pixels=9999)
        print(sorted(m for m in sys.modules if m.endswith("ImagePlugin")))
    """
    command = [sys.executable, "-c", code, saved(Image.new("L", (9, 9))).hex()]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "['PIL.PngImagePlugin']\n"


def test_warnings_are_errors_in_every_thread() -> None:
    """Files that contradict themselves and bombs are errors for good: decoding in threads leaves
    the filters as set. A deprecation in Pillow's next release is none.
    """
    import subprocess

    code = """if True:
        import sys, warnings
        from concurrent.futures import ThreadPoolExecutor
        from model.pictures.decode import decoded
        before = list(warnings.filters)
        picture = bytes.fromhex(sys.argv[1])
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: decoded(picture, max_pixels=9999), range(400)))
        assert warnings.filters == before
        warn = warnings.warn_explicit
        warn("other", UserWarning, "other.py", 1, module="numpy.core")
        warn("old", DeprecationWarning, "file.py", 1, module="PIL.Image")
        from PIL.Image import DecompressionBombWarning
        for category in (UserWarning, DecompressionBombWarning):
            try:
                warn("refused", category, "file.py", 1, module="PIL.TiffImagePlugin")
            except category as error:
                print(error)
    """
    command = [sys.executable, "-c", code, saved(Image.new("L", (9, 9))).hex()]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "refused\nrefused\n"


def predictable(data: bytes) -> Any:
    """Return what a picture becomes, or its error; anything else that is raised is a bug."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return to_digits([data], max_pixels=1 << 20)
    except InputError as error:
        return error


def is_sound(result: Any) -> bool:
    """Whether a result is what the engine or the caller can use."""
    if isinstance(result, InputError):
        return len(result.problems) == 1 and len(str(result)) < 300
    return bool(
        result.shape == (1, 28, 28, 1)
        and result.dtype == np.float32
        and np.isfinite(result).all()
        and result.min() >= 0
        and result.max() <= 1
    )


@given(st.binary(max_size=400))
def test_random_bytes_are_an_input_error(data: bytes) -> None:
    """Rubbish is refused, never raised through."""
    assert isinstance(predictable(data), InputError)


@given(st.sampled_from(sorted(FILES)), st.binary(max_size=300))
def test_random_bytes_after_a_true_beginning_are_sound(name: str, data: bytes) -> None:
    """A true header and rubbish behind it: a sound digit or a sound error."""
    for length in (3, 6, 12, 30, 60):
        assert is_sound(predictable(FILES[name][:length] + data))


@given(st.sampled_from(sorted(FILES)), st.data())
def test_cut_pictures_are_sound(name: str, data: st.DataObject) -> None:
    """A picture cut anywhere is a sound digit or a sound error."""
    whole = FILES[name]
    assert is_sound(predictable(whole[: data.draw(st.integers(0, len(whole)))]))


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=8
    ),
)
@example("GIF", [(0.0199, 255)])
def test_pictures_with_flipped_bits_are_sound(name: str, flips: list[tuple[float, int]]) -> None:
    """Bits flipped anywhere, in the header most of all, give a sound digit or a sound error."""
    broken = bytearray(FILES[name])
    for place, bits in flips:
        # Squared: half of the flips hit the first quarter, where the headers are.
        broken[int(place * place * len(broken))] ^= bits
    assert is_sound(predictable(bytes(broken)))


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(MODES), st.integers(0, 2**32 - 1))
def test_noise_of_any_size_and_mode_is_sound(width: int, height: int, mode: str, seed: int) -> None:
    """Whatever the pixels are, down to one by one, the answer is sound."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture = Image.fromarray(noise, "RGBA")
    if mode == "I;16":
        picture = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    elif mode != "RGBA":
        picture = picture.convert("RGB" if mode == "CMYK" else mode)
    buffer = io.BytesIO()
    picture.convert("CMYK" if mode == "CMYK" else picture.mode).save(
        buffer, "JPEG" if mode == "CMYK" else "PNG"
    )
    assert is_sound(predictable(buffer.getvalue()))


@pytest.mark.parametrize(("most", "alone"), [(2399, True), (2400, False)])
def test_a_large_picture_is_alone_in_memory(
    monkeypatch: pytest.MonkeyPatch, most: int, *, alone: bool
) -> None:
    """No other thread gets a large one while it is in use, and a failure ends its use."""
    monkeypatch.setattr(decode_module, "LARGE_PIXELS", most)
    files = [FILES["PNG"], FILES["WEBP"]]

    def use() -> None:
        with closing(decode_each(files, max_pixels=4800)) as each:
            for name, _ in each:
                assert decode_module._LARGE.locked() is alone
                if name == "images[1]":
                    raise KeyError(name)

    with pytest.raises(KeyError):
        use()
    assert not decode_module._LARGE.locked()
