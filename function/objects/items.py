"""An object -> its instances: of a picture one, of a table each row, of a listing each object's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

from function.errors import MediaTypeError, RequestError
from function.objects.formats import (
    MAX_ROW_BYTES,
    Item,
    Line,
    lines_in,
    pictures_of_json_lines,
    rows_of_csv,
    rows_of_json_lines,
)
from function.objects.keys import Format, format_of
from function.objects.source import ObjectRef, StoredObject, open_object, ref_of
from model.bundle.manifest import Manifest
from model.errors import Problem


class ObjectReader:
    """Opens objects of the formats that a model takes, and reads them within the limits."""

    def __init__(self, client: Any, max_object_bytes: int, max_picture_bytes: int) -> None:
        self._client = client
        self._max_object_bytes = max_object_bytes
        self._max_picture_bytes = max_picture_bytes

    def opened(
        self, ref: ObjectRef, manifest: Manifest, *, max_bytes: int | None = None
    ) -> StoredObject:
        """Open an object of a format that the model takes."""
        kind = format_of(ref.key)
        if manifest.of_pictures and kind is Format.CSV:
            raise MediaTypeError([Problem("object", "a picture, .jsonl or .keys", "a .csv")])
        if not manifest.of_pictures and kind is Format.PICTURE:
            expected = "a key that ends in .csv, .jsonl, .ndjson or .keys"
            raise MediaTypeError([Problem("object", expected, "another")])
        limit = self._max_picture_bytes if kind is Format.PICTURE else self._max_object_bytes
        return open_object(self._client, ref, max_bytes=max_bytes or limit)

    def items_of(self, ref: ObjectRef, source: StoredObject, manifest: Manifest) -> Iterator[Item]:
        """Read an object's instances, one by one."""
        kind = format_of(ref.key)
        if kind is Format.PICTURE:
            return iter([Item({}, source.whole(), size_bytes=source.size_bytes)])
        # Base64 takes four bytes for three.
        picture_line = self._max_picture_bytes * 4 // 3 + 1024
        of_pictures = manifest.of_pictures and kind is Format.JSON_LINES
        lines = lines_in(source.chunks(), max_bytes=picture_line if of_pictures else MAX_ROW_BYTES)
        if kind is Format.LISTING:
            return self._listed(ref, lines, manifest)
        if kind is Format.CSV:
            return rows_of_csv(lines, [column.name for column in manifest.columns])
        return pictures_of_json_lines(lines) if of_pictures else rows_of_json_lines(lines)

    def _listed(
        self, listing: ObjectRef, lines: Iterable[Line], manifest: Manifest
    ) -> Iterator[Item]:
        """
        Read the instances of the objects that a listing names: keys
        of its own bucket, or URIs.
        """
        for number, line in lines:
            place = {"object": number}
            try:
                if isinstance(line, RequestError):
                    raise line
                uri = line if line.startswith("s3://") else f"s3://{listing.bucket}/{line}"
                ref = ref_of(uri, "line")
                if format_of(ref.key) is Format.LISTING:
                    raise MediaTypeError([Problem("object", "a picture or a table", "a listing")])
                with closing(self.opened(ref, manifest)) as source:
                    for item in self.items_of(ref, source, manifest):
                        yield Item(place | item.place, item.instance, item.error, item.size_bytes)
            except RequestError as error:
                yield Item(place, error=error)
