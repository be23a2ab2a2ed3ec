"""Decode untrusted pictures: bytes in, an upright picture out, or an error that says why.

The bytes may be anything, so each step may fail only as InputError, and nothing is decoded before
it is known to be small enough:

    1. the format is read from the first bytes        else FormatError
    2. the file is stripped to what draws             picture_bytes.py: no bombs in metadata
    3. Pillow reads the header; the size is checked   else LimitError, before any pixel is decoded
    4. pixels are decoded, a large JPEG scaled down; two kinds of warnings are errors
    5. the camera's orientation is applied

Pillow and its plug-ins are imported for the first picture: a function that serves only tables
never pays for them.
"""

from __future__ import annotations

import importlib
import io
import threading
import warnings
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from model.errors import FormatError, InputError, LimitError, Problem
from model.pictures.orientation import orientation_of, upright
from model.pictures.other_kinds import kind_of_bytes, text_on_the_way
from model.pictures.picture_bytes import (
    BrokenFileError,
    TooManyPiecesError,
    essential,
    format_of,
    png_is_complete,
)

if TYPE_CHECKING:
    from PIL import Image, ImageFile

FORMATS = {
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
}
"""The supported formats and Pillow's reader for each: no other plug-in is ever imported."""

MAX_SIDE = 65_535
"""The most pixels along one side, as in JPEG: Pillow keeps a pointer for each row."""

MAX_RLE_PIXELS = 1 << 20
"""The most pixels of a run-length coded BMP, which Pillow decodes in Python, byte by byte; and the
most bytes, since a run may be empty."""

FEW_PIXELS = 4_096
"""A PNG of so many is inflated once more to count its pixels: cheaper than to cut a row out."""

DRAFT_SIDE = 1024
"""JPEG is decoded at 1/2, 1/4 or 1/8 while its shorter side keeps this many pixels, unless the
recipe says another number."""

DRAFT_TIMES = 4
"""How many times the limit of pixels a JPEG may announce that is decoded at 1/2 or less, row by
row: 67 million of them take 0.2 s, and telephones write 50 million."""

LARGE_PIXELS = 1 << 21
"""A picture of more pixels has the process's memory to itself: one WEBP of 16.7 million pixels
takes 220 MB while it is decoded, and plain HTTP predicts in many threads."""

_LARGE = threading.Lock()

# Pillow only warns of files that contradict themselves (UserWarning) and of decompression bombs (a
# RuntimeWarning): both are refused. No other warnings are: Pillow's next release may deprecate what
# we call. Set once: setting and resetting around each call is not safe with several threads.
for _category in (UserWarning, RuntimeWarning):
    warnings.filterwarnings("error", category=_category, module=r"PIL\b")

_FULL_SIZE = "full size"
"""The key of a picture's `info` that holds its size where it was decoded at a smaller one."""

_EXPECTED = "a PNG, JPEG, WEBP, GIF or BMP picture"


def decode_each(
    pictures: Sequence[bytes],
    *,
    max_pixels: int,
    where: str = "image",
    draft_side: int = DRAFT_SIDE,
) -> Generator[tuple[str, Image.Image], None, None]:
    """Decode picture files one by one, so that a request's pictures are never in memory together.

    While a large picture is in use no other thread gets one, so a loop over them closes the
    iterator when it fails (`contextlib.closing`).

    Args:
        pictures: N files, N >= 0.
        max_pixels: the most pixels of one picture, and of all together as they are decoded, where
            a picture counts at least a quarter of what its file announces, and at least as many as
            its file has bytes.
        where: the input's name in errors; with several pictures "images[3]".
        draft_side: a large JPEG comes at 1/2, 1/4 or 1/8 of its size, which is faster, while its
            shorter side keeps so many pixels; 0: as it is.

    Yields:
        The picture's name in errors, and the picture as `decoded` returns it.

    Raises:
        InputError: FormatError, LimitError, or a broken picture.
    """
    pixels = 0
    for index, data in enumerate(pictures):
        name = where if len(pictures) == 1 else f"{where}s[{index}]"
        with ExitStack() as use:
            picture = decoded(
                data,
                max_pixels=max_pixels,
                others=pixels,
                where=name,
                draft_side=draft_side,
                use=use,
            )
            # A small picture may take as long as its file is large, or as what it announces is.
            height, width = size_of(picture)
            counted = max(picture.width * picture.height, height * width // DRAFT_TIMES)
            pixels += max(counted, len(data))
            yield name, picture


def decoded(
    data: bytes,
    *,
    max_pixels: int,
    others: int = 0,
    where: str = "image",
    draft_side: int = DRAFT_SIDE,
    use: ExitStack | None = None,
) -> Image.Image:
    """Decode one picture file safely: its first frame, upright.

    Args:
        data: the whole file.
        max_pixels: the most pixels, width times height, checked before any pixel is decoded; a
            JPEG that is scaled down may announce DRAFT_TIMES as many.
        others: how many of them other pictures used up.
        where: the picture's name in errors.
        draft_side: as for `decode_each`.
        use: as long as it lasts no other thread gets a large picture, if this is one.

    Returns:
        The picture in its own mode.

    Raises:
        FormatError: the bytes are in none of FORMATS.
        LimitError: more pixels than allowed, or more parts than any picture needs.
        InputError: the file is broken or truncated.
    """
    file_format = format_of(data)
    if file_format is None:
        raise FormatError([Problem(where, _EXPECTED, kind_of_bytes(data))])
    try:
        return _decoded(
            data, file_format, (max_pixels, others), where, draft_side=draft_side, use=use
        )
    except InputError:
        raise
    except TooManyPiecesError as exc:
        raise LimitError([Problem(where, _EXPECTED, str(exc))]) from exc
    except BrokenFileError as exc:
        got = text_on_the_way(data, file_format) or str(exc)
        raise InputError([Problem(where, _EXPECTED, got)]) from exc
    # On broken files Pillow's readers raise more than a dozen types (OSError, SyntaxError,
    # struct.error, ZeroDivisionError, MemoryError, ...): all of them are the file's fault.
    except Exception as exc:
        broken = f"a {file_format} that is broken or ends too early"
        got = text_on_the_way(data, file_format) or broken
        raise InputError([Problem(where, _EXPECTED, got)]) from exc


def size_of(picture: Image.Image) -> tuple[int, int]:
    """Return the height and width that a decoded picture has in its file, upright."""
    height, width = picture.info.get(_FULL_SIZE, (picture.height, picture.width))
    return height, width


def _decoded(
    data: bytes,
    file_format: str,
    limit: tuple[int, int],
    where: str,
    *,
    draft_side: int,
    use: ExitStack | None,
) -> Image.Image:
    kept, exif, has_end, one_pass = essential(data, file_format)
    picture = _opened(kept, file_format)
    if file_format == "BMP" and picture.tile[0][0] == "bmp_rle":
        limit = _run_length_limit(len(data), limit, where)
    size = picture.size
    if file_format == "JPEG" and draft_side:
        picture.draft(None, (draft_side, draft_side))
    scaled = picture.size != size
    times = DRAFT_TIMES if scaled and one_pass else 1
    kind = "in a progressive JPEG" if scaled and not one_pass else "in a picture"
    _check_size(size, limit, where, times=times, kind=kind)
    if use is not None and picture.width * picture.height > LARGE_PIXELS:
        use.enter_context(_LARGE)
    if file_format == "WEBP":
        exif = picture.info.get("exif", b"")
        return _turned(_webp_frame(picture), exif)
    picture.load()
    if file_format == "PNG" and _may_be_short(picture) and not png_is_complete(kept):
        raise BrokenFileError("a PNG whose pixels end too early")
    if not has_end and _is_filled(picture):
        raise BrokenFileError("a JPEG that ends too early")
    turned = _turned(picture, exif)
    if scaled:
        turned.info[_FULL_SIZE] = size[::-1] if turned.size == picture.size else size
    return turned


def _turned(picture: Image.Image, exif: bytes) -> Image.Image:
    """Turn a picture upright, where its file says how the camera was held."""
    return upright(picture, orientation_of(exif)) if exif else picture


def _opened(data: bytes, file_format: str) -> ImageFile.ImageFile:
    """Read the header with the one reader for the format.

    `Image.open` would do the same after importing every common plug-in, which costs a cold start
    10 ms and more.
    """
    module, name = FORMATS[file_format]
    reader = getattr(importlib.import_module(module), name)
    picture: ImageFile.ImageFile = reader(io.BytesIO(data))
    return picture


def _run_length_limit(size: int, limit: tuple[int, int], where: str) -> tuple[int, int]:
    """Return the limit of pixels for a run-length coded file, whose size in bytes is checked."""
    max_pixels, others = min(limit[0], MAX_RLE_PIXELS), limit[1]
    if size + others > max_pixels:
        expected = f"at most {max_pixels} bytes of run-length coded BMP in one request"
        raise LimitError([Problem(where, expected, "more: send PNG, or fewer at a time")])
    return max_pixels, others


def _check_size(
    size: tuple[int, int], limit: tuple[int, int], where: str, *, times: int, kind: str
) -> None:
    """Refuse what announces more pixels than `times` the limit, each counted as 1 / times."""
    max_pixels, others = limit
    width, height = size
    pixels = width * height
    if pixels > max_pixels * times or max(width, height) > MAX_SIDE:
        most = max_pixels * times
        expected = f"at most {most} pixels {kind}, and at most {MAX_SIDE} along a side"
        raise LimitError([Problem(where, expected, f"{width} x {height}: resize the picture")])
    if pixels // times + others > max_pixels:
        expected = f"at most {max_pixels} pixels in the pictures of one request together"
        got = f"{width} x {height}: send fewer at a time, or resize them"
        raise LimitError([Problem(where, expected, got)])


def _webp_frame(picture: Any) -> Image.Image:
    """Decode the first frame of a WEBP and release the decoder.

    `picture.load()` keeps the decoder's two canvases while it copies the frame twice: 290 MB for
    16.7 million pixels. Using the frame's own bytes as the picture takes 220 MB.
    """
    from PIL import Image

    pixels, _, _ = picture._get_next()
    picture._decoder = None
    mode = picture.rawmode
    return Image.frombuffer(mode, picture.size, pixels, "raw", mode, 0, 1)


def _is_filled(picture: Image.Image) -> bool:
    """Whether the last pixel is of the grey that libjpeg fills in where a JPEG is cut off."""
    last: Any = picture.getpixel((picture.width - 1, picture.height - 1))
    return {127, 128}.issuperset(last if isinstance(last, tuple) else (last,))


def _may_be_short(picture: Image.Image) -> bool:
    """Whether the last row is all zero, as where rows are missing, or a look at it costs more."""
    width, height = picture.size
    if width * height <= FEW_PIXELS:
        return True
    interlaced = bool(picture.info.get("interlace"))
    return interlaced or not any(picture.crop((0, height - 1, width, height)).tobytes())
