"""Tensors as the Open Inference Protocol spells them, in JSON or in binary, to NumPy and back.

    {"name", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, …]}               flat or nested
    {"name", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 24}}

The binary data of all tensors follow the JSON, in order: little-endian, row by row; of BYTES each
element is its length in four bytes, and its bytes.

Source: kserve/open-inference-protocol, inference_rest.md; Triton's extension_binary_data.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from function.errors import InvalidError
from model.elements import ElementError, to_json, to_vector
from model.errors import Problem, kind_of

DATATYPES: Final[Mapping[str, str]] = {
    "BOOL": "bool",
    **{f"UINT{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BYTES": "string",
}
"""The protocol's names of our element types."""

_NAMES: Final = {dtype: name for name, dtype in DATATYPES.items()}
_LENGTH_BYTES: Final = 4
MAX_AXES: Final = 64
"""NumPy has no more."""


@dataclass(frozen=True, slots=True)
class TensorData:
    """A tensor with its name; one of BYTES has Python's strings or bytes in it."""

    name: str
    datatype: str
    array: NDArray[Any]


def datatype_of(dtype: str) -> str:
    """Return the protocol's name of one of our element types."""
    return _NAMES[dtype]


def read_tensors(described: Any, binary: bytes) -> list[TensorData]:
    """Read the inputs of a request.

    Args:
        described: the request's `inputs`.
        binary: what follows the JSON.

    Raises:
        InvalidError: names `inputs[0].shape` and the like; a caller's names are not repeated.
    """
    if not isinstance(described, list) or not described:
        got = "an empty list" if described == [] else kind_of(described)
        raise InvalidError([Problem("inputs", "a list of tensors", got)])
    tensors: list[TensorData] = []
    at = 0
    for index, one in enumerate(described):
        where = f"inputs[{index}]"
        name, datatype, shape = _head_of(one, where)
        if name in {tensor.name for tensor in tensors}:
            raise _invalid(f"{where}.name", "another name than the tensors before it", "the same")
        size = _binary_size_of(one, where)
        if size is None:
            array = _from_json(one.get("data"), datatype, shape, f"{where}.data")
        else:
            data, at = binary[at : at + size], at + size
            array = _from_binary(data, datatype, shape, where)
        tensors.append(TensorData(name, datatype, array))
    if at != len(binary):
        got = f"{len(binary)} bytes for {at}"
        raise _invalid("body", "as much binary data as binary_data_size says", got)
    return tensors


def _invalid(where: str, expected: str, got: str) -> InvalidError:
    return InvalidError([Problem(where, expected, got)])


def _head_of(one: Any, where: str) -> tuple[str, str, tuple[int, ...]]:
    """Return a tensor's name, datatype and shape."""
    if not isinstance(one, dict):
        raise _invalid(where, '{"name", "shape", "datatype", "data"}', kind_of(one))
    name, datatype, shape = one.get("name"), one.get("datatype"), one.get("shape")
    if not isinstance(name, str):
        raise _invalid(f"{where}.name", "a tensor's name", kind_of(name))
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        got = "another name" if isinstance(datatype, str) else kind_of(datatype)
        raise _invalid(f"{where}.datatype", f"one of {', '.join(DATATYPES)}", got)
    sizes = shape if isinstance(shape, list) else [None]
    if not all(type(size) is int and 0 <= size < 2**31 for size in sizes):
        got = "other values" if isinstance(shape, list) else kind_of(shape)
        raise _invalid(f"{where}.shape", "a list of sizes from 0 to 2147483647", got)
    if len(sizes) > MAX_AXES or prod(size or 1 for size in sizes) >= 2**60:
        raise _invalid(f"{where}.shape", f"at most {MAX_AXES} axes and 2^60 values", "more")
    return name, datatype, tuple(sizes)


def _binary_size_of(one: Mapping[str, Any], where: str) -> int | None:
    parameters = one.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None and "data" in one:
        raise _invalid(where, "data or binary_data_size", "both")
    if size is not None and (type(size) is not int or size < 0):
        got = "fewer" if type(size) is int else kind_of(size)
        raise _invalid(f"{where}.parameters.binary_data_size", "0 or more bytes", got)
    return size


def _from_json(data: Any, datatype: str, shape: tuple[int, ...], where: str) -> NDArray[Any]:
    if not isinstance(data, list):
        got = "nothing" if data is None else kind_of(data)
        raise _invalid(where, "a list, flat or nested as the shape", got)
    while any(isinstance(one, list) for one in data):
        if not all(isinstance(one, list) for one in data):
            raise _invalid(where, "lists of one depth", "lists beside other values")
        data = [value for inner in data for value in inner]
    if len(data) != prod(shape):
        raise _invalid(where, f"{prod(shape)} values, as the shape says", str(len(data)))
    # There is no NaN in JSON, so clients send null for it.
    if datatype.startswith("FP"):
        data = [float("nan") if value is None else value for value in data]
    try:
        return to_vector(data, DATATYPES[datatype]).reshape(shape)
    except ElementError as exc:
        raise _invalid(f"{where}[{exc.index}]", f"a value of {datatype}", exc.got) from exc


def _from_binary(data: bytes, datatype: str, shape: tuple[int, ...], where: str) -> NDArray[Any]:
    count = prod(shape)
    if datatype == "BYTES":
        elements = list(_elements_in(data))
        if len(elements) != count or None in elements:
            got = "one cut off" if None in elements else f"{len(elements)}"
            raise _invalid(where, f"{count} elements of BYTES, each after its length", got)
        array = np.empty(count, dtype=object)
        array[:] = elements
        return array.reshape(shape)
    dtype = np.dtype(DATATYPES[datatype]).newbyteorder("<")
    if len(data) != count * dtype.itemsize:
        expected = f"{count * dtype.itemsize} bytes for {count} values of {datatype}"
        raise _invalid(where, expected, f"{len(data)} bytes")
    array = np.frombuffer(data, dtype)
    if datatype == "BOOL" and (array.view(np.uint8) > 1).any():
        raise _invalid(where, "bytes of 0 or 1 for BOOL", "another")
    return array.reshape(shape)


def _elements_in(data: bytes) -> Iterator[bytes | None]:
    """Yield the elements; None for one that is cut off."""
    at = 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "little")
        yield data[start:at] if at <= len(data) else None


def write_tensor(name: str, array: NDArray[Any], *, binary: bool) -> tuple[dict[str, Any], bytes]:
    """Spell one output.

    Args:
        name: the tensor's.
        array: texts as dtype object or as NumPy's strings.
        binary: whether the data follow the JSON.

    Returns:
        The output in the answer's JSON, and its binary data, empty where they stand in the JSON;
        NaN and Infinity are null there.
    """
    is_text = array.dtype.kind in "OUS"
    datatype = datatype_of("string" if is_text else array.dtype.name)
    told: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(array.shape)}
    flat = array.reshape(-1)
    if not binary:
        return told | {"data": list(map(str, flat)) if is_text else to_json(flat)}, b""
    data = _spelt(flat.tolist()) if is_text else flat.astype(flat.dtype.newbyteorder("<")).tobytes()
    return told | {"parameters": {"binary_data_size": len(data)}}, data


def _spelt(texts: Sequence[Any]) -> bytes:
    elements = [str(text).encode() for text in texts]
    return b"".join(len(one).to_bytes(_LENGTH_BYTES, "little") + one for one in elements)
