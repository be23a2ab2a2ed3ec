"""The parts of bulk runs that need no cloud: addresses, progress, result files."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from infra.bulk.addresses import Folder
from infra.bulk.errors import AddressError, CloudError, MissingError
from infra.bulk.execution import refusals_told, require_folders
from infra.bulk.progress import Counts, progress_line
from infra.bulk.result_files import Tally, lines_of, tally_of
from infra.bulk.watch import summary

ADDRESSES = [
    ("s3://abc", "abc", "", ""),
    ("s3://abc/", "abc", "", ""),
    ("s3://abc/in/digits", "abc", "in/digits/", "digits"),
    ("s3://abc/in/digits/", "abc", "in/digits/", "digits"),
    ("s3://a-b.c/ü x\n", "a-b.c", "ü x\n/", "ü x\n"),
]


@pytest.mark.parametrize(("address", "bucket", "prefix", "name"), ADDRESSES)
def test_addresses(address: str, bucket: str, prefix: str, name: str) -> None:
    """A prefix is a folder, with or without its last slash."""
    folder = Folder.of(address)
    assert (folder.bucket, folder.prefix, folder.name) == (bucket, prefix, name)
    assert Folder.of(folder.uri) == folder


@pytest.mark.parametrize("address", ["", "abc", "s3:abc", "s3://ab", "s3://Abc/x", "http://abc/x"])
def test_no_address(address: str) -> None:
    """What is no bucket's address is refused."""
    with pytest.raises(AddressError):
        Folder.of(address)


AMONG_THE_INPUTS = [
    ("s3://abc/in", "s3://abc/in"),
    ("s3://abc/in", "s3://abc/in/out"),
    ("s3://abc/in", "s3://abc"),  # the result of in/7.png would be in/7.png.json
    ("s3://abc", "s3://abc/out"),
    ("s3://abc/out/_runs", "s3://abc/out"),
]
OUTSIDE = [
    ("s3://abc/in", "s3://abc/in-2"),
    ("s3://abc/in", "s3://abc/out"),
    ("s3://abc/in", "s3://def/in"),
    ("s3://abc", "s3://def"),
]


@pytest.mark.parametrize(("inputs", "results"), AMONG_THE_INPUTS)
def test_results_among_the_inputs(inputs: str, results: str) -> None:
    """Results may not lie where inputs are read."""
    with pytest.raises(AddressError):
        Folder.of(results).require_outside(Folder.of(inputs))


@pytest.mark.parametrize(("inputs", "results"), OUTSIDE)
def test_results_outside(inputs: str, results: str) -> None:
    """Beside the inputs, or in another bucket, results may lie."""
    Folder.of(results).require_outside(Folder.of(inputs))


LINES = [
    (Counts(), 0, 0.0, "0 of 0 objects, 0 under way"),
    (Counts(600, 0, 40), 0, 5.0, "600 objects, 40 under way"),
    (Counts(600, 120, 40), 0, 10.0, "120 of 600 objects, 40 under way, 12.0/s, 40 s left"),
    (Counts(600, 120, 40), 60, 10.0, "120 of 600 objects, 40 under way, 6.0/s, 80 s left"),
    (Counts(60, 60, 0, 20), 60, 9.0, "60 of 60 objects, 0 under way, 20 in failed batches"),
    (Counts(10_000, 1_000), 0, 100.0, "10.0/s, 15 min left"),
    (Counts(1_000_000, 1_000), 0, 100.0, "10.0/s, 27.8 h left"),
]


@pytest.mark.parametrize(("counts", "before", "elapsed_s", "line"), LINES)
def test_progress(counts: Counts, before: int, elapsed_s: float, line: str) -> None:
    """The rate is that of the watch; a run found again does not seem to have leapt."""
    assert progress_line(counts, before=before, elapsed_s=elapsed_s).endswith(line)


TEXT = st.text(max_size=9)
LINE = st.dictionaries(TEXT, st.none() | TEXT | st.lists(TEXT, max_size=2), max_size=2)


@given(st.lists(LINE, max_size=4), st.integers(1, 40), st.sampled_from([None, 1]))
def test_lines_survive_any_chunks(
    lines: list[dict[str, Any]], size: int, indent: int | None
) -> None:
    """However a file is cut into chunks, in the middle of a letter too, its lines come whole."""
    body = json.dumps(lines, ensure_ascii=False, indent=indent).encode("utf-8", "surrogatepass")
    if b"\xed" in body and any("\ud800" <= letter <= "\udfff" for letter in str(lines)):
        body = json.dumps(lines).encode()
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    assert list(lines_of(chunks)) == lines


def test_a_file_cut_off() -> None:
    """A file that ends early is an error, not a shorter file."""
    with pytest.raises(ValueError, match="got one cut off"):
        list(lines_of([b'[{"a": 1}, {"a"']))


class Bucket:
    """S3 with the files of one run."""

    def __init__(self, files: dict[str, list[dict[str, Any]]]) -> None:
        named = {status: [{"Key": f"{status}_0.json", "Size": 1}] for status in files}
        self.stored = {f"{status}_0.json": lines for status, lines in files.items()}
        self.stored["manifest.json"] = {"ResultFiles": named}  # type: ignore[assignment]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """Return an object."""
        assert Bucket == "bucket"
        return {"Body": Body(json.dumps(self.stored[Key]).encode())}


class Body(io.BytesIO):
    """An object's bytes."""

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        """Yield them."""
        while chunk := self.read(size):
            yield chunk


def line_of(*keys: str, **rest: Any) -> dict[str, Any]:
    """A line of a result file."""
    return {"Input": json.dumps({"Items": [{"Key": key} for key in keys]}), **rest}


def test_the_outcome_counts_every_object() -> None:
    """Whatever became of a batch, each of its objects is counted once."""
    results = [{"source": "a"}, {"skipped": "x"}, {"error": {"type": "E", "retry": True}}]
    files = {
        "SUCCEEDED": [line_of("a", "b", "c", Output=json.dumps({"results": results}))],
        "FAILED": [
            line_of("d", "e", Error="States.DataLimitExceeded", Status="FAILED"),
            line_of("f", Status="TIMED_OUT"),
        ],
        "PENDING": [line_of("g", "h", "i")],
    }
    assert tally_of(Bucket(files), "bucket", "manifest.json") == Tally(
        answered=1,
        skipped=1,
        failed=Counter({"NotBegun": 3, "States.DataLimitExceeded": 2, "E": 1, "TIMED_OUT": 1}),
        examples={"E": "c", "States.DataLimitExceeded": "d", "TIMED_OUT": "f", "NotBegun": "g"},
        again=7,
    )


def test_a_batch_with_too_few_results() -> None:
    """A function that answers fewer results than objects is found out, not believed."""
    files = {"SUCCEEDED": [line_of("a", "b", Output='{"results": [{}]}')]}
    with pytest.raises(ValueError, match="zip"):
        tally_of(Bucket(files), "bucket", "manifest.json")


def test_the_summary_shows_ten_kinds() -> None:
    """The most frequent come first, each with an example, and nothing moves the cursor."""
    became = Tally(answered=3)
    for n in range(12):
        for _ in range(n + 1):
            became.fail(f"k\x1b[2J{n}", f"E{n}", again=n == 0)
    lines = summary(became, "abc").splitlines()
    assert lines[0] == "done:     3 answered, 78 failed"
    assert lines[1] == "          12 x E11, e.g. s3://abc/k?[2J11"
    assert lines[10:] == [
        "          3 x E2, e.g. s3://abc/k?[2J2",
        "          1 of them may succeed if run again",
    ]


class Refusing:
    """An S3 that refuses."""

    def __init__(self, code: str) -> None:
        self._code = code

    def list_objects_v2(self, **_: Any) -> Any:
        """Refuse."""
        told = {"Error": {"Code": self._code, "Message": "it says"}}
        raise ClientError(told, "ListObjectsV2")  # type: ignore[arg-type]


REFUSALS = [
    (
        "AccessDenied",
        MissingError,
        "expected the permission s3:ListBucket on abc, got a refusal",
    ),
    ("SlowDown", CloudError, "ListObjectsV2 was refused: SlowDown it says"),
]


@pytest.mark.parametrize(("code", "kind", "said"), REFUSALS)
def test_refusals(code: str, kind: type[Exception], said: str) -> None:
    """A service's refusal comes as one sentence; a missing permission by its name."""
    inputs, results = Folder.of("s3://abc/in"), Folder.of("s3://abc/out")
    with pytest.raises(kind) as caught, refusals_told():
        require_folders(Refusing(code), inputs, results)
    assert str(caught.value) == said
