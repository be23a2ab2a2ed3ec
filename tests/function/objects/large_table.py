"""A process that predicts a table of 200 MB which is made while it is read, and says what it took.

python -m tests.function.objects.large_table stream    as the door does
python -m tests.function.objects.large_table whole     read in one piece, to compare with
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from function.objects.bucket import ObjectRef, open_object
from function.service import Service
from function.settings import ZOO
from tests.function.objects.buckets import Failing, Stream, an_hour, objects_by, refused

ROWS: Final = 80_000
LINE: Final = b"5.1,3.5,1.4," + b" " * 2484 + b"0.2\n"
SIZE_BYTES: Final = ROWS * len(LINE)
REF: Final = ObjectRef("pictures", "in/iris/large.csv")


class Bucket:
    """Hands out the table, and counts what comes back."""

    def __init__(self) -> None:
        self.parts: list[int] = []
        self.client = Failing(
            None,
            head_object=refused("404", 404),
            get_object=self._get,
            create_multipart_upload=lambda _, **__: {"UploadId": "1"},
            upload_part=self._take,
            complete_multipart_upload=lambda _, **__: {},
        )

    def _get(self, _: Any, **__: Any) -> dict[str, Any]:
        body = Stream(LINE * 1000 for _ in range(ROWS // 1000))
        return {"ContentLength": SIZE_BYTES, "ETag": '"e"', "Body": body}

    def _take(self, _: Any, **parameters: Any) -> dict[str, str]:
        self.parts.append(len(parameters["Body"]))
        return {"ETag": f'"{len(self.parts)}"'}


def peak_mb() -> float:
    """Say the most memory that this process has had; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def said(mode: str) -> Iterator[tuple[str, Any]]:
    """Run, and yield what is to be known of it."""
    service, bucket = Service.load(ZOO, ["iris"], max_pixels=1), Bucket()
    before_mb = peak_mb()
    if mode == "whole":
        open_object(bucket.client, REF, max_bytes=SIZE_BYTES).whole()
    else:
        objects = objects_by(service, bucket.client, max_object_bytes=SIZE_BYTES)
        summary = objects.process(REF, remaining_ms=an_hour)
        yield from (("count", summary["count"]), ("failed", summary["failed"]))
    yield "parts", bucket.parts
    yield "grown_mb", peak_mb() - before_mb


if __name__ == "__main__":
    print(json.dumps(dict(said(sys.argv[1]))))
