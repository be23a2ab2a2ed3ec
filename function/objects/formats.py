"""An object's bytes to its instances, one by one: a picture, or the lines of a table or a listing.

Each line is read by itself and up to a limit, so a wrong one costs no other. If the first line that
is not blank cannot be read, the whole object is refused: it is not what its name says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from enum import Enum
from typing import Any, Final

from function.errors import InvalidError, MalformedError, MediaTypeError, RequestError
from function.inputs import NAMED, decoded_base64, instances_of
from function.objects.bucket import ObjectRef, OpenObject, open_object, ref_of
from function.objects.csv_rows import rows_of_csv
from function.objects.lines import Item, Line, item_of, lines_in
from function.service import Served
from model.errors import Problem, kind_of

MAX_ROW_BYTES: Final = 64 * 1024
"""A row is far shorter; what is no table must not fill the memory."""


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


class ObjectReader:
    """Opens objects of the formats that a model takes, and reads them within the limits."""

    def __init__(self, client: Any, max_object_bytes: int, max_picture_bytes: int) -> None:
        self._client = client
        self._max_object_bytes = max_object_bytes
        self._max_picture_bytes = max_picture_bytes

    def open(self, ref: ObjectRef, served: Served, *, max_bytes: int | None = None) -> OpenObject:
        """Open an object of a format that the model takes."""
        kind = format_of(ref.key)
        takes = served.recipe.takes
        if takes == "image" and kind is Format.CSV:
            raise MediaTypeError([Problem("object", "a picture, .jsonl or .keys", "a .csv")])
        if (kind is Format.PICTURE and takes != "image") or (kind is Format.CSV and takes != "row"):
            ends = ".csv, " * (takes == "row") + ".jsonl, .ndjson or .keys"
            raise MediaTypeError([Problem("object", f"a key that ends in {ends}", "another")])
        limit = self._max_picture_bytes if kind is Format.PICTURE else self._max_object_bytes
        return open_object(self._client, ref, max_bytes=max_bytes or limit)

    def items_of(self, ref: ObjectRef, source: OpenObject, served: Served) -> Iterator[Item]:
        """Read an object's instances, one by one."""
        kind = format_of(ref.key)
        if kind is Format.PICTURE:
            return iter([Item({}, source.whole(), size_bytes=source.size_bytes)])
        # Base64 takes four bytes for three.
        picture_line = self._max_picture_bytes * 4 // 3 + 1024
        of_rows = served.recipe.takes == "row" or kind is not Format.JSON_LINES
        lines = lines_in(source.chunks(), max_bytes=MAX_ROW_BYTES if of_rows else picture_line)
        if kind is Format.LISTING:
            return self._listed(ref, lines, served)
        if kind is Format.CSV:
            return rows_of_csv(lines, served.description.columns)
        return json_lines(lines, served)

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


def json_lines(lines: Iterable[Line], served: Served) -> Iterator[Item]:
    """Read JSON lines, one instance a line.

    Args:
        lines: of the object. A row is a list in column order, an object by column name, or
            `{"row": …}`; anything else is `{"image": …}`, `{"text": …}` or `{"inputs": {…}}`.
        served: the model.
    """
    takes = served.recipe.takes
    bare = takes == "row"
    columns = {column.name for column in served.description.columns}
    keys = [takes, NAMED] if takes != "tensors" else [NAMED]
    expected = "a row, " * bare + " or ".join(f'{{"{key}": …}}' for key in keys)

    def read(line: str) -> Any:
        value = _json_of(line)
        key = next(iter(value), "") if isinstance(value, dict) and len(value) == 1 else ""
        if key not in keys or key in columns:
            if bare:
                return value
            got = "other keys" if isinstance(value, dict) else kind_of(value)
            raise InvalidError([Problem("line", expected, got)])
        if key == NAMED:
            inputs = instances_of(value, served)
            count = served.count_of(inputs)
            if count != 1:
                raise InvalidError([Problem(NAMED, "one instance a line", str(count or "none"))])
            return inputs
        return decoded_base64(value[key], key) if takes == "image" else value[key]

    return (item_of(number, line, read) for number, line in lines)


def _json_of(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise MalformedError([Problem("line", "JSON", "something else")]) from exc
