"""Formats that cannot be baked: told by their first bytes, each with what to do instead."""

from __future__ import annotations

import gzip
import pickle
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Final

import pytest

from model.bake.errors import BakeError
from model.bake.formats import format_of
from model.bake.sources import open_file, refused

PICKLE: Final = pickle.dumps(OrderedDict(a=1))

FILES: Final[list[tuple[str, bytes]]] = [
    ("archive", b"\0" * 257 + b"ustar"),
    ("broken-zip", b"PK\3\4 cut off"),
    ("catboost", b"CBM1\x90&"),
    ("catboost-json", b'{\n "features_info":\n {'),
    ("compressed", gzip.compress(b"some text", mtime=0)),
    ("coreml", b"\x08\x04\x12\xc7\x01\n\x0f\n\x01x\x1a"),
    ("darknet", b"[net]\nbatch=1"),
    ("empty", b""),
    ("executorch", b"\0\0\0\0ET12"),
    ("fasttext", b"\xba\x16O/\x0c\0\0\0"),
    ("frozen", b"\n;\n\x01x\x12\x0bPlaceholder*\x0b"),
    ("gguf", b"GGUF\3\0\0\0"),
    ("git-lfs", b"version https://git-lfs.github.com/spec/v1\n"),
    ("html", b"\n<!DOCTYPE HTML><html>"),
    ("java", b"\xac\xed\0\5sr"),
    ("keras-json", b'{"module": "keras", "class_name": "Sequential"'),
    ("mxnet", b'{\n "nodes": [], "arg_nodes": [0]'),
    ("ncnn", b"7767517\n75 83\n"),
    ("numpy", b"\x93NUMPY\1\0"),
    ("openvino", b'<?xml version="1.0"?>\n<net name="m" version="11">'),
    ("ort", b"\0\0\0\0ORTM"),
    ("pickle", PICKLE),
    ("pickle", pickle.dumps(OrderedDict(a=1), protocol=0)),
    ("pickle", pickle.dumps({"a": 1}, protocol=0)),
    ("pickle", zlib.compress(PICKLE)),
    ("pickle", zlib.compress(PICKLE, 9)),
    ("pmml", b'<?xml version="1.0"?>\n<PMML version="4.4">'),
    ("r", gzip.compress(b"RDX3\nX\n\0\0\0\3", mtime=0)),
    ("r", b"X\n\0\0\0\3"),
    ("safetensors", (64).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}'),
    ("saved-model-file", b'\x08\x01\x12\xc7\x01\n\x0f\n\x01x"\x05serve'),
    ("tensorrt", b"ftrt\0\0"),
    ("tfjs", b'{"format": "layers-model", "modelTopology": {}'),
    ("torch", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."),
]
ZIPS: Final = [
    ("archive", ["readme.txt", "model.onnx"]),
    ("mojo", ["model.ini", "domains/d.txt"]),
    ("numpy", ["w.npy"]),
    ("skops", ["schema.json"]),
    ("torch", ["archive/data.pkl", "archive/data/0"]),
    ("torch-export", ["m/archive_format", "m/data/weights/w"]),
    ("torchscript", ["m/data.pkl", "m/constants.pkl", "m/code/m.py"]),
]
FOLDERS: Final = [
    ("checkpoint", "model-1.index", b""),
    ("coreml", "Manifest.json", b'{"rootModelIdentifier": 1}'),
    ("safetensors", "model.safetensors", b""),
    ("tfjs", "model.json", b'{"weightsManifest": []}'),
    ("torch", "pytorch_model.bin", b""),
]


@pytest.mark.parametrize(("name", "content"), FILES)
def test_a_file_is_told_by_its_first_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    """Whatever it is called, it is refused in one sentence, and one says what to do instead."""
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert format_of(path, content[:4096]) == name
    with pytest.raises(BakeError) as refusal:
        open_file(path, tmp_path, print)
    assert refusal.value.what == f"{path}: {refused.KINDS[name][0]}"
    assert refusal.value.do.endswith((".", ")"))


@pytest.mark.parametrize(("name", "members"), ZIPS)
def test_a_zip_is_told_by_its_members(tmp_path: Path, name: str, members: list[str]) -> None:
    """PyTorch, skops, H2O and NumPy write zips."""
    path = tmp_path / "model"
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(member, "")
    with pytest.raises(BakeError) as refusal:
        open_file(path, tmp_path, print)
    assert refusal.value.what.endswith(refused.KINDS[name][0])


@pytest.mark.parametrize(("name", "member", "content"), FOLDERS)
def test_a_folder_is_told_by_its_files(
    tmp_path: Path, name: str, member: str, content: bytes
) -> None:
    """A folder without a model that could be baked is refused for what lies in it."""
    (tmp_path / member).write_bytes(content)
    with pytest.raises(BakeError) as refusal:
        open_file(tmp_path, tmp_path, print)
    assert refusal.value.what.endswith(refused.KINDS[name][0])


def test_every_refusal_is_reached() -> None:
    """No format stands in the table that nothing recognises, and none is recognised without it."""
    reached = {name for name, *_ in (*FILES, *ZIPS, *FOLDERS)}
    assert reached == set(refused.KINDS)


@pytest.mark.parametrize(
    ("module", "do"),
    [
        (b"csklearn.pipeline\nPipeline\n", "bake(joblib.load('"),
        (b"cxgboost.sklearn\nXGBClassifier\n", "model.save_model('model.ubj')"),
        (b"clightgbm.sklearn\nLGBMClassifier\nccollections\nx", "save_model('model.txt')"),
    ],
)
def test_a_pickle_is_answered_by_what_is_in_it(tmp_path: Path, module: bytes, do: str) -> None:
    """The way out of Python is the library's own, where it has one; nothing is ever unpickled."""
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x03" + module)
    with pytest.raises(BakeError) as refusal:
        open_file(path, tmp_path, print)
    assert do in refusal.value.do


def test_xgboosts_old_binary_is_told(tmp_path: Path) -> None:
    """It has no signature: it is told by the objective behind its parameters."""
    path = tmp_path / "model.bin"
    for start in (b"binf", b""):
        path.write_bytes(start + b"\0" * 136 + b"\x0f" + b"\0" * 7 + b"binary:logistic" + b"\0" * 9)
        with pytest.raises(BakeError, match=r"XGBoost's old binary format.*\nOpen it with XGBoos"):
            open_file(path, tmp_path, print)
