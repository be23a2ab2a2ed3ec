"""Formats that cannot be baked, told by their first bytes or by what an archive or folder holds."""

from __future__ import annotations

import bz2
import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

LARGEST_HEADER: Final = 100_000_000
"""Bytes; of safetensors' own header."""

STARTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"version https://git-lfs", "git-lfs"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "torch"),
    (b"CBM1", "catboost"),
    (b"GGUF", "gguf"),
    (b"ftrt", "tensorrt"),
    (b"ptrt", "tensorrt"),
    (b"RDX", "r"),
    (b"RDA", "r"),
    (b"X\n\0\0\0", "r"),
    (b"A\n2\n", "r"),
    (b"A\n3\n", "r"),
    (b"\xba\x16O/", "fasttext"),
    (b"\xac\xed\0\5", "java"),
    (b"\x93NUMPY", "numpy"),
    (b"7767517\n", "ncnn"),
    (b"[net]", "darknet"),
)
AT_BYTE_4: Final = {b"ORTM": "ort", b"ET12": "executorch", b"ET13": "executorch"}

PATTERNS: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"\x80[\x02-\x05]"), "pickle"),
    # Protocols 0 and 1, which begin with a class, a dictionary or a list.
    (re.compile(rb"c[A-Za-z_][\w.]*\n[\w.]+\n|\(?[dl]p\d+\n"), "pickle"),
    (re.compile(rb"\s*<(!doctype html|html)", re.IGNORECASE), "html"),
    (re.compile(rb"(?s)\s*<\?xml.*<PMML|\s*<PMML"), "pmml"),
    (re.compile(rb"(?s)\s*(<\?xml[^>]*>\s*)?<net\s"), "openvino"),
    (re.compile(rb'(?s)\s*\{.*"(modelTopology|weightsManifest)"'), "tfjs"),
    (re.compile(rb'(?s)\s*\{.*"features_info"'), "catboost-json"),
    (
        re.compile(rb'\s*\{"(class_name|module)": "(Functional|Sequential|Model|keras)'),
        "keras-json",
    ),
    (re.compile(rb'(?s)\s*\{.*"arg_nodes"'), "mxnet"),
    # Protobufs: a node and its operation; a version, then a message that begins with one.
    (re.compile(rb"(?s)\n.{1,3}\n.{1,200}?\x12.(Placeholder|Const|VariableV2)"), "frozen"),
    (re.compile(rb"(?s)\x08\x01\x12.{1,5}\n.*\x22\x05serve"), "saved-model-file"),
    (re.compile(rb"(?s)\x08[\x01-\x0f]\x12.{1,5}\n"), "coreml"),
)

IN_ZIP: Final[tuple[tuple[str, str], ...]] = (
    (r"(.*/)?constants\.pkl", "torchscript"),
    (r"(.*/)?data\.pkl", "torch"),
    (r"(.*/)?(serialized_exported_program\.json|archive_format|models/.*\.json)", "torch-export"),
    (r"(experimental/|.*/)?model\.ini", "mojo"),
    (r"schema\.json", "skops"),
    (r".*\.npy", "numpy"),
)

IN_FOLDER: Final[tuple[tuple[str, str], ...]] = (
    ("Manifest.json", "coreml"),
    ("model.json", "tfjs"),
    ("*.index", "checkpoint"),
    ("pytorch_model*.bin", "torch"),
    ("*.safetensors", "safetensors"),
)


def format_of(path: Path, head: bytes) -> str:
    """Name the format of a file or folder that cannot be baked; nothing: it is not known.

    Args:
        path: the file or folder.
        head: a file's first bytes.
    """
    if path.is_dir():
        return next((name for glob, name in IN_FOLDER if _has(path, glob)), "")
    if not head:
        return "empty"
    if head.startswith(b"PK"):
        return _in_zip(path)
    return _by_bytes(head) or _compressed(head)


def _has(folder: Path, glob: str) -> bool:
    found = next(folder.glob(glob), None)
    if found is None or found.suffix != ".json":
        return found is not None
    text = found.read_bytes()[:100_000]
    return b"weightsManifest" in text or b"rootModelIdentifier" in text


def _by_bytes(head: bytes) -> str:
    for start, name in STARTS:
        if head.startswith(start):
            return name
    if head[4:8] in AT_BYTE_4:
        return AT_BYTE_4[head[4:8]]
    if len(head) > 8 and struct.unpack("<Q", head[:8])[0] < LARGEST_HEADER and head[8:10] == b'{"':
        return "safetensors"
    if head[257:262] == b"ustar":
        return "archive"
    return next((name for pattern, name in PATTERNS if pattern.match(head)), "")


def _in_zip(path: Path) -> str:
    if not zipfile.is_zipfile(path):
        return "broken-zip"
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
    for pattern, name in IN_ZIP:
        if any(re.fullmatch(pattern, one) for one in names):
            return name
    return "archive"


def _compressed(head: bytes) -> str:
    """Name what is inside a compressed file, as joblib, R and tar write them."""
    decompressors: dict[bytes, Any] = {
        b"\x1f\x8b": lambda: zlib.decompressobj(31),
        b"x\x01": zlib.decompressobj,
        b"x^": zlib.decompressobj,
        b"x\x9c": zlib.decompressobj,
        b"x\xda": zlib.decompressobj,
        b"BZh": bz2.BZ2Decompressor,
        b"\xfd7zXZ\0": lzma.LZMADecompressor,
        b"]\0\0": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE),
    }
    for start, decompressor in decompressors.items():
        if head.startswith(start):
            try:
                inner = decompressor().decompress(head, 1024)
            except (zlib.error, OSError, lzma.LZMAError):
                return ""
            return _by_bytes(inner) or "compressed"
    return ""
