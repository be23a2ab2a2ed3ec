"""Which source opens a model: by its first bytes, or by what the object is."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.bake.errors import BakeError
from model.bake.sources import open_file, open_object


def test_what_nobody_knows_is_refused(tmp_path: Path) -> None:
    """A file of no known format is described by its first bytes, an object by its class."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\xffnothing")
    with pytest.raises(BakeError, match=r": no format that Lambake knows; it begins with b'.xff"):
        open_file(path, tmp_path, print)
    with pytest.raises(BakeError, match=r"^an object of builtins\.dict: no kind of model"):
        open_object({}, None, tmp_path, print)
    with pytest.raises(BakeError, match=r"absent: no such file or folder$"):
        open_file(tmp_path / "absent", tmp_path, print)
