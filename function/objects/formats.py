"""An object's bytes to its instances, one by one: a picture, or the lines of a table or a listing.

Each line is read by itself and up to a limit, so a wrong one costs no other. A quoted cell cannot
hold a line break, which no number needs. If the first line that is not blank cannot be read, the
whole object is refused: it is not what its name says.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final

from function.errors import (
    InvalidError,
    MalformedError,
    MediaTypeError,
    RequestError,
    TooLargeError,
)
from function.inputs import decoded_base64
from function.objects.bucket import ObjectRef, StoredObject, open_object, ref_of
from function.service import Served
from model.errors import Problem, kind_of

MAX_ROW_BYTES: Final = 64 * 1024
"""A row of numbers is far shorter; what is no table must not fill the memory."""

_NUMBER: Final = r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*"
NUMBER: Final = re.compile(_NUMBER, re.ASCII)
"""What a cell's number looks like: `float` alone would also take 1_0, NaN and other alphabets."""

NUMBERS: Final = re.compile(f"{_NUMBER}(?:,{_NUMBER})*", re.ASCII)
"""A line of nothing else: matched at once, which halves the time that a row takes."""


class Format(Enum):
    """What an object holds, by the end of its key; its bytes must bear that out."""

    PICTURE = ()
    CSV = (".csv",)
    JSON_LINES = (".jsonl", ".ndjson")
    LISTING = (".keys",)


def format_of(key: str) -> Format:
    """Return a format by the end of a key; any other end is a picture's."""
    formats = (one for one in Format if one.value and key.lower().endswith(one.value))
    return next(formats, Format.PICTURE)


@dataclass(frozen=True, slots=True)
class Item:
    """One instance, or why there is none, and where it stands: `{"line": 7}`."""

    place: dict[str, int]
    instance: Any = None
    error: RequestError | None = None
    size_bytes: int = 0


class ObjectReader:
    """Opens objects of the formats that a model takes, and reads them within the limits."""

    def __init__(self, client: Any, max_object_bytes: int, max_picture_bytes: int) -> None:
        self._client = client
        self._max_object_bytes = max_object_bytes
        self._max_picture_bytes = max_picture_bytes

    def open(self, ref: ObjectRef, served: Served, *, max_bytes: int | None = None) -> StoredObject:
        """Open an object of a format that the model takes."""
        kind = format_of(ref.key)
        takes = served.recipe.takes
        if takes == "image" and kind is Format.CSV:
            raise MediaTypeError([Problem("object", "a picture, .jsonl or .keys", "a .csv")])
        if takes != "image" and kind is Format.PICTURE:
            expected = "a key that ends in .csv, .jsonl, .ndjson or .keys"
            raise MediaTypeError([Problem("object", expected, "another")])
        limit = self._max_picture_bytes if kind is Format.PICTURE else self._max_object_bytes
        return open_object(self._client, ref, max_bytes=max_bytes or limit)

    def items_of(self, ref: ObjectRef, source: StoredObject, served: Served) -> Iterator[Item]:
        """Read an object's instances, one by one."""
        kind = format_of(ref.key)
        if kind is Format.PICTURE:
            return iter([Item({}, source.whole(), size_bytes=source.size_bytes)])
        # Base64 takes four bytes for three.
        picture_line = self._max_picture_bytes * 4 // 3 + 1024
        of_pictures = served.recipe.takes == "image" and kind is Format.JSON_LINES
        lines = lines_in(source.chunks(), max_bytes=picture_line if of_pictures else MAX_ROW_BYTES)
        if kind is Format.LISTING:
            return self._listed(ref, lines, served)
        if kind is Format.CSV:
            return rows_of_csv(lines, [column.name for column in served.description.columns])
        return pictures_of_json_lines(lines) if of_pictures else rows_of_json_lines(lines)

    def _listed(self, listing: ObjectRef, lines: Iterable[Line], served: Served) -> Iterator[Item]:
        """Read the objects that a listing names: keys of its own bucket, or URIs."""
        for number, line in lines:
            place = {"object": number}
            try:
                if isinstance(line, RequestError):
                    raise line
                uri = line if line.startswith("s3://") else f"s3://{listing.bucket}/{line}"
                ref = ref_of(uri, "line")
                if format_of(ref.key) is Format.LISTING:
                    raise MediaTypeError([Problem("object", "a picture or a table", "a listing")])
                with closing(self.open(ref, served)) as source:
                    for item in self.items_of(ref, source, served):
                        yield Item(place | item.place, item.instance, item.error, item.size_bytes)
            except RequestError as error:
                yield Item(place, error=error)


Line = tuple[int, str | RequestError]
"""A line's number from 1, and its text without the line break, or why it cannot be read."""


def lines_in(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[Line]:
    """Cut an object into lines of UTF-8; blank ones are counted and left out.

    Args:
        chunks: its bytes in any pieces; a byte order mark and CRLF are allowed.
        max_bytes: the most that one line may have.

    Raises:
        MalformedError, TooLargeError: the first line cannot be read.
    """
    first = True
    for number, data in enumerate(_pieces_of(chunks, max_bytes), 1):
        line = _text_of(data.removeprefix(b"\xef\xbb\xbf") if number == 1 else data, max_bytes)
        if isinstance(line, str) and not line.strip():
            continue
        if first and isinstance(line, RequestError):
            raise line
        first = False
        yield number, line


def _pieces_of(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Cut at line feeds; a line that is too long is kept only as far as shows that."""
    rest = b""
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        if whole:
            whole[0] = rest + whole[0]
            rest = b""
            yield from whole
        rest = (rest + last)[: max_bytes + 5]  # with a byte order mark and a CR
    if rest:
        yield rest


def _text_of(data: bytes, max_bytes: int) -> str | RequestError:
    data = data.removesuffix(b"\r")
    if len(data) > max_bytes:
        return TooLargeError([Problem("line", f"at most {max_bytes} bytes", "more")])
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return MalformedError([Problem("line", "text in UTF-8", "other bytes")])
    if "\0" in text:
        return MalformedError([Problem("line", "text in UTF-8", "a text with NUL in it")])
    return text


def rows_of_csv(lines: Iterable[Line], names: Sequence[str]) -> Iterator[Item]:
    """Read comma-separated numbers, one row a line.

    Args:
        lines: of the object.
        names: the table's columns in their order. A first line without any number is a header,
            and has to name them all, in any order, and nothing else.

    Raises:
        InvalidError: another header.
    """
    order = list(range(len(names)))
    for index, (number, line) in enumerate(lines):
        if index == 0 and isinstance(line, str):
            cells = _cells_of(line)
            if not any(map(NUMBER.fullmatch, cells)):
                order = _order_of(cells, names)
                continue
        yield _item_of(number, line, partial(_row_of, order=order))


def _cells_of(line: str) -> list[str]:
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as exc:
        raise MalformedError([Problem("line", "comma-separated values", "broken quotes")]) from exc


def _row_of(line: str, order: Sequence[int]) -> list[float | str | None]:
    """Bring a row into column order; one of another length is left for the model to refuse."""
    row: list[float | str | None]
    if NUMBERS.fullmatch(line):
        row = list(map(float, line.split(",")))
    else:
        row = [_value_of(cell) for cell in _cells_of(line)]
    return [row[index] for index in order] if len(row) == len(order) else row


def _order_of(cells: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return where each column stands in a header."""
    header = [cell.strip() for cell in cells]
    if sorted(header) != sorted(names):
        expected = f"numbers, or the columns {', '.join(names)} in any order"
        raise InvalidError([Problem("first line", expected, "other names")])
    return [header.index(name) for name in names]


def _value_of(cell: str) -> float | str | None:
    """Read a number; another text, or an empty cell, is left for the model to refuse."""
    if NUMBER.fullmatch(cell):
        return float(cell)
    return cell if cell.strip() else None


def rows_of_json_lines(lines: Iterable[Line]) -> Iterator[Item]:
    """Read JSON lines, one row a line: a list in column order, or an object by column name."""
    for number, line in lines:
        yield _item_of(number, line, _json_of)


def pictures_of_json_lines(lines: Iterable[Line]) -> Iterator[Item]:
    """Read JSON lines, one picture a line: `{"image": …}` in base64."""
    for number, line in lines:
        yield _item_of(number, line, _picture_of)


def _item_of(number: int, line: str | RequestError, read: Callable[[str], Any]) -> Item:
    """Read one line, or keep why it cannot be read."""
    place = {"line": number}
    if isinstance(line, RequestError):
        return Item(place, error=line)
    try:
        return Item(place, read(line), size_bytes=len(line))
    except RequestError as error:
        return Item(place, error=error)


def _json_of(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise MalformedError([Problem("line", "JSON", "something else")]) from exc


def _picture_of(line: str) -> bytes:
    value = _json_of(line)
    if not isinstance(value, dict) or value.keys() != {"image"}:
        got = "other keys" if isinstance(value, dict) else kind_of(value)
        raise InvalidError([Problem("line", '{"image": …}', got)])
    return decoded_base64(value["image"], "image")
