"""Samples: real instances of the person who bakes, from files or from a notebook."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.columns import listed
from model.bake.errors import BakeError, require_file
from model.bake.tables import plain, rows_in
from model.pictures.picture_bytes import format_of
from model.recipes.base import Takes, name_key
from model.tensors import NamedInputs, Tensor


@dataclass(frozen=True, slots=True)
class Sample:
    """One instance, and the answer that must come if it is known.

    Attributes:
        name: of the file, or its number.
        instance: a picture's bytes, a row, a text or NamedInputs of one instance.
        answer: a label, or a number as text.
        file: what a picture is called in the bundle; empty: by its name.
    """

    name: str
    instance: Any
    answer: str | None = None
    file: str = ""


def samples_in(given: Any, answers: Any, takes: Takes, inputs: Sequence[Tensor]) -> list[Sample]:
    """Read samples of any form.

    Args:
        given: a list of files ("face.png" or "face.png=happy"), pictures, rows, texts or Samples;
            an array, a DataFrame, or arrays by input name; None: no samples.
        answers: what each must be answered with; None: not known.
        takes: what an instance of the model is.
        inputs: the model's.

    Raises:
        BakeError: a file cannot be read, or there are more or fewer answers than samples.
    """
    if given is None:
        return []
    found = list(_of_memory(given, takes, inputs))
    if answers is not None:
        texts = [_answer_text(one) for one in answers]
        if len(texts) != len(found):
            raise BakeError(f"answers: expected {len(found)}, as samples, got {len(texts)}")
        found = [Sample(s.name, s.instance, a) for s, a in zip(found, texts, strict=True)]
    for one in found:
        if not isinstance(one.instance, (NamedInputs, *_KINDS[takes])):
            kind = type(one.instance).__name__
            told = next((_NAMES[k] for k in _NAMES if isinstance(one.instance, k)), kind)
            raise BakeError(f"--sample: {one.name}: expected {_EXPECTED[takes]}, got {told}")
    return found


_KINDS: Final[dict[Takes, tuple[type, ...]]] = {
    "image": (bytes,), "row": (Mapping, list, tuple), "text": (str, list, tuple), "tensors": (),
}  # fmt: skip
_NAMES: Final[dict[type, str]] = {
    bytes: "a picture", Mapping: "a row", list: "a row", tuple: "a row", str: "a text",
}  # fmt: skip


def require_names(
    samples: Sequence[Sample], tables: Sequence[Mapping[str, Any]], *, sure: bool
) -> None:
    """Refuse samples that name other columns than the model's.

    Args:
        samples: rows; those that are lists have no names.
        tables: the columns, as the manifest has them.
        sure: whether their names are known, and not c0, c1 …

    Raises:
        BakeError: names the columns that are missing, and those that the model does not take.
    """
    names = [str(one["name"]) for one in tables]
    known = {name_key(name) for name in names}
    may_lack = {name_key(str(one["name"])) for one in tables if one.get("missing") == "nan"}
    for sample in samples:
        if not isinstance(sample.instance, Mapping):
            continue
        found = {name_key(str(key)): str(key) for key in sample.instance}
        missing = [name for name in names if name_key(name) not in found.keys() | may_lack]
        others = [name for key, name in found.items() if key not in known]
        if not missing and not others:
            continue
        lacks = f"lacks the columns {listed(missing)}" if missing else ""
        has = f"has others, {listed(others)}" if others else ""
        do = f"Name its columns as the model does: {listed(names)}"
        if not missing:
            do = f"Leave them out: the model takes {listed(names)}"
        elif not sure and len(others) == len(names):
            do = f"If these are the model's, in its order, say so: --columns {','.join(others)}"
        elif not sure:
            do = f"No file names the model's {len(names)} columns; say them: --columns a,b,c"
        raise BakeError(f"--sample: {sample.name} {' and '.join(filter(None, (lacks, has)))}", do)


def _answer_text(answer: Any) -> str:
    return str(answer.item() if isinstance(answer, np.generic) else answer)


def _of_memory(given: Any, takes: Takes, inputs: Sequence[Tensor]) -> Iterator[Sample]:
    if hasattr(given, "to_dict") and hasattr(given, "columns"):  # pandas' DataFrame
        if len(inputs) == 1 and inputs[0].dtype.startswith("float"):
            flags = given.select_dtypes(bool).columns
            given = given.astype(dict.fromkeys(flags, int))  # as the one matrix has them
        given = given.to_dict("records")
    elif hasattr(given, "to_numpy"):  # its Series
        given = list(given.to_numpy())
    if isinstance(given, str | Path | bytes) or hasattr(given, "save"):
        given = [given]
    if isinstance(given, Mapping):
        if takes == "row":
            yield from _rows_of(given)
        else:
            yield from _split(given, "sample", inputs)
        return
    for number, one in enumerate(given, 1):
        yield from _of_one(one, f"sample {number}", takes, inputs)


def _of_one(one: Any, name: str, takes: Takes, inputs: Sequence[Tensor]) -> Iterator[Sample]:
    """Read one instance, or a file, which may hold several."""
    if isinstance(one, Sample):
        yield one
    elif isinstance(one, str | Path) and (file := _file_of(str(one))):
        yield from _of_file(*file, takes, inputs)
    elif isinstance(one, bytes | NamedInputs) or (isinstance(one, str) and takes == "text"):
        yield Sample(name, one)
    elif isinstance(one, str | Path):
        require_file("--sample", Path(one.partition("=")[0] if isinstance(one, str) else one))
    elif hasattr(one, "save") and hasattr(one, "size"):  # Pillow's Image
        yield Sample(name, _png_of(np.asarray(one.convert("RGB"))))
    elif isinstance(one, Mapping):
        yield Sample(name, {str(key): plain(value) for key, value in one.items()})
    else:
        yield Sample(name, _instance_of(np.asarray(one), one, takes, inputs))


def _instance_of(array: NDArray[Any], one: Any, takes: Takes, inputs: Sequence[Tensor]) -> Any:
    if takes == "image" and array.dtype == np.uint8 and inputs[0].dtype != "uint8":
        return _png_of(array)
    if takes in ("image", "tensors") and len(inputs) == 1:
        return NamedInputs({inputs[0].name: array[np.newaxis]})
    if array.ndim == 1:
        return [plain(value) for value in one]
    return plain(one)


def _file_of(given: str) -> tuple[Path, str | None] | None:
    """Split FILE=ANSWER; None if there is no such file."""
    if Path(given).is_file():
        return Path(given), None
    file, _, answer = given.rpartition("=")
    return (Path(file), answer.strip()) if file and Path(file).is_file() else None


def _of_file(
    path: Path, answer: str | None, takes: Takes, inputs: Sequence[Tensor]
) -> Iterator[Sample]:
    try:
        found = list(_read(path, takes, inputs))
    except (OSError, ValueError, KeyError) as exc:
        raise BakeError(f"--sample: {path} cannot be read: {exc}") from exc
    if answer is not None and len(found) != 1:
        raise BakeError(f"--sample: {path} holds {len(found)} instances, for one answer")
    for number, one in enumerate(found, 1):
        name = path.name if len(found) == 1 else f"{path.name} {number}"
        yield Sample(name, one.instance, answer)


def _read(path: Path, takes: Takes, inputs: Sequence[Tensor]) -> Iterator[Sample]:
    content = path.read_bytes()
    ending = path.suffix.lower()
    if format_of(content):
        yield Sample(path.name, content)
    elif ending in (".npz", ".npy"):
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        arrays = loaded if ending == ".npy" else dict(loaded)
        yield from _of_memory(arrays, takes, inputs)
    elif ending in (".csv", ".tsv"):
        yield from (Sample(path.name, row) for row in rows_in(path))
    elif ending == ".json":
        yield from _of_payload(json.loads(content), takes, inputs)
    elif takes == "text":
        yield Sample(path.name, content.decode("utf-8-sig").strip())
    else:
        raise ValueError(f"expected {_EXPECTED[takes]}")


_EXPECTED = {
    "image": "a PNG, JPEG, WEBP, GIF or BMP picture",
    "row": "a .csv with a header, or a .json with one row",
    "text": "a text in UTF-8",
    "tensors": 'a .npz, or a .json of {"inputs": {name: nested lists}}',
}


def _of_payload(document: Any, takes: Takes, inputs: Sequence[Tensor]) -> Iterator[Sample]:
    """Read the JSON of a request, or of one instance."""
    if isinstance(document, Mapping):
        for key in ("rows", "texts", "instances"):
            if isinstance(document.get(key), list):
                yield from (Sample(key, one) for one in document[key])
                return
        if isinstance(document.get("inputs"), Mapping):
            yield from _split(document["inputs"], "inputs", inputs)
            return
        if takes == "tensors":
            yield from _split(document, "inputs", inputs)
            return
    yield Sample("instance", document)


def _split(given: Mapping[str, Any], name: str, inputs: Sequence[Tensor]) -> Iterator[Sample]:
    """Read tensors by input name, each instance of their batch by itself."""
    # Tensors of PyTorch and TensorFlow become arrays.
    arrays = {k: np.asarray(v) if hasattr(v, "__array__") else v for k, v in given.items()}
    batched = [one.name for one in inputs if one.shape[:1] == (-1,)]
    counts = {len(arrays[key]) for key in batched if np.ndim(arrays.get(key, 0))}
    count = counts.pop() if len(counts) == 1 else 1
    if count < 2:  # one, or what the model itself must refuse
        yield Sample(name, NamedInputs(arrays))
        return
    for at in range(count):
        one = {k: v[at : at + 1] if k in batched else v for k, v in arrays.items()}
        yield Sample(f"{name} {at + 1}", NamedInputs(one))


def _rows_of(given: Mapping[str, Any]) -> Iterator[Sample]:
    """Read rows that are given column by column."""
    columns = {str(key): np.asarray(value).reshape(-1) for key, value in given.items()}
    for number, values in enumerate(zip(*columns.values(), strict=True), 1):
        row = dict(zip(columns, map(plain, values), strict=True))
        yield Sample(f"sample {number}", row)


def _png_of(pixels: NDArray[np.uint8]) -> bytes:
    """Write pixels, uint8 [H, W], [H, W, 1 or 3] or [1 or 3, H, W], as a picture."""
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
