"""An object that is cut off, by time or by the network, leaves no half of a result."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from function.errors import DeadlineError, RequestError, StorageError
from function.objects import result_object
from function.objects.bucket import ObjectRef
from function.service import Service
from model.errors import InputError
from tests.function.objects.buckets import (
    HEADER,
    ROW,
    Failing,
    Stream,
    an_hour,
    keys,
    made,
    objects_by,
    read,
)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send parts of a result that is no larger than a test needs."""
    monkeypatch.setattr(result_object, "PART_BYTES", 100_000)


@pytest.mark.usefixtures("small_parts")
def test_a_connection_that_breaks_within_a_table(s3: Any, service: Service, pictures: str) -> None:
    """A table that comes in half has no result, nor parts of one, and its stream is closed."""
    stream = Stream(iter([ROW * 3000]), ConnectionResetError())

    def get(_: Any, **__: Any) -> dict[str, Any]:
        return {"ContentLength": 9_000_000, "ETag": '"e"', "Body": stream}

    client = Failing(s3, get_object=get)
    with pytest.raises(StorageError):
        objects_by(service, client).process(
            ObjectRef(pictures, "in/iris/a.csv"), remaining_ms=an_hour
        )
    assert stream.closed
    assert client.called[-2:] == ["upload_part", "abort_multipart_upload"]
    assert keys(s3, pictures) == []


def test_no_time_to_begin(service: Service) -> None:
    """Without time for an object nothing is begun."""
    client = Failing(None)
    with pytest.raises(DeadlineError):
        objects_by(service, client).process(
            ObjectRef("pictures", "in/digits/7.png"), remaining_ms=lambda: 900
        )
    assert client.called == []


@pytest.mark.usefixtures("small_parts")
def test_time_runs_out_within_a_table(s3: Any, service: Service, pictures: str) -> None:
    """A table that takes longer than there is time has no result, nor parts of one."""
    left = iter(range(30_000, 0, -4000))
    ref = made(s3, pictures, "in/iris/a.csv", ROW * 9000)
    client = Failing(s3)
    with pytest.raises(DeadlineError):
        objects_by(service, client).process(ref, remaining_ms=lambda: next(left))
    assert client.called[-1] == "abort_multipart_upload"
    assert "complete_multipart_upload" not in client.called
    assert keys(s3, pictures) == ["in/iris/a.csv"]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=pictures)


LINES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([ROW, b"[5.1,3.5,1.4,0.2]", b'{"image":"QUJD"}', b"in/digits/7.png", HEADER]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(
        ["iris/a.csv", "iris/a.jsonl", "iris/a.keys", "digits/a", "digits/a.jsonl"]
    ),
    lines=st.lists(LINES, max_size=6),
)
@example(key="digits/a", lines=[b"GIF87a"])
def test_anything_in_an_object(
    s3: Any, service: Service, pictures: str, key: str, lines: list[bytes]
) -> None:
    """Whatever an object holds, each line of it is answered, or the object is at fault."""
    ref = made(s3, pictures, f"in/{key}", b"\n".join(lines))
    unordered = ObjectRef(ref.bucket, ref.key)
    try:
        summary = objects_by(service, s3).process(unordered, remaining_ms=an_hour)
    except (RequestError, InputError):
        return
    assert len(read(s3, pictures, f"out/{key}.jsonl")) == summary["count"]
