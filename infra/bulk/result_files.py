"""The files of a run: which objects were answered, which failed and why.

Step Functions' ResultWriter leaves a manifest.json that names files with one line per batch: its
input and output, or error. They can be large, so they are read line by line.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

CHUNK_BYTES: Final = 1024 * 1024
_NOT_BEGUN: Final = "NotBegun"
_BETWEEN: Final = re.compile(r"[\[\],\s]*")


@dataclass
class Tally:
    """Counts the outcomes of objects."""

    answered: int = 0
    skipped: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # by the error's type
    examples: dict[str, str] = field(default_factory=dict)  # one key per type
    again: int = 0  # failures that a retry may fix

    def add(self, key: str, result: Any) -> None:
        """Add one object's result."""
        error = result.get("error")
        if error is None:
            self.answered += "skipped" not in result
            self.skipped += "skipped" in result
            return
        self.fail(key, str(error.get("type")), again=error.get("retry") is True)

    def fail(self, key: str, kind: str, *, again: bool = False) -> None:
        """Add one object that failed."""
        self.failed[kind] += 1
        self.examples.setdefault(kind, key)
        self.again += again


def tally_of(s3: Any, bucket: str, manifest_key: str) -> Tally:
    """Read a run's manifest and every file that it names."""
    tally = Tally()
    manifest = json.load(s3.get_object(Bucket=bucket, Key=manifest_key)["Body"])
    for status, files in manifest["ResultFiles"].items():
        for file in files:
            body = s3.get_object(Bucket=bucket, Key=file["Key"])["Body"]
            for line in lines_of(body.iter_chunks(CHUNK_BYTES)):
                _add(tally, status, line)
    return tally


def _add(tally: Tally, status: str, line: dict[str, Any]) -> None:
    keys = [item["Key"] for item in json.loads(line["Input"])["Items"]]
    if status == "SUCCEEDED":
        for key, result in zip(keys, json.loads(line["Output"])["results"], strict=True):
            tally.add(key, result)
        return
    kind = _NOT_BEGUN if status == "PENDING" else str(line.get("Error") or line.get("Status"))
    for key in keys:
        tally.fail(key, kind, again=True)


def lines_of(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON array, holding only a chunk and one object of it."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    decoder = json.JSONDecoder()
    text = ""
    for chunk in chunks:
        text += decode(chunk)
        at = 0
        while True:
            at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr] # it also matches the empty string
            try:
                line, at = decoder.raw_decode(text, at)
            except ValueError:  # not complete yet
                break
            yield line
        text = text[at:]
    if text:
        raise ValueError("expected a whole JSON array, got one cut off")
