"""Load `recipe.py`, the one file of code that a bundle may hold: its owner's two functions.

    def prepare(instances: list) -> dict[str, numpy.ndarray]
    def answer(outputs: dict[str, numpy.ndarray], count: int) -> list[dict]

Either may be missing. The manifest names the file and its hash, as it does for the model:

    [custom]
    file = "recipe.py"
    sha256 = "…"
    takes = "image"            image, row or text: what `prepare` gets a list of

It is the owner's code in the owner's image, so there is no sandbox. What is checked is that it is
the file that was baked, and that it can run in the image: what it imports is there.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from model.errors import EngineError, InputError, Problem

if TYPE_CHECKING:
    from model.bundle.table import Table

RECIPE_FILE: Final = "recipe.py"
_SHA256: Final = re.compile("[0-9a-f]{64}")

IN_THE_IMAGE: Final = ("numpy", "PIL", "model.pictures")
"""What the file may import beside the standard library; the rest of the image may change."""

Function = Callable[..., Any]


def read_function(settings: Table, name: str) -> Function | None:
    """Load the file that [custom] names, and return one of its functions.

    Args:
        settings: the table; what is wrong with it or with the file is noted there.
        name: the function's.
    """
    settings.choice("file", (RECIPE_FILE,), default=RECIPE_FILE)
    sha256 = settings.text("sha256", pattern=_SHA256)
    path = settings.folder / RECIPE_FILE
    try:
        source = path.read_bytes()
    except OSError as exc:
        settings.note("file", f"{RECIPE_FILE} beside the manifest", exc.strerror)
        return None
    digest = hashlib.sha256(source).hexdigest()
    if digest != sha256:
        if sha256:
            settings.note("sha256", f"that of {RECIPE_FILE}", digest)
        return None
    try:
        module = _module_of(path, source)
    except _UnfitFileError as exc:
        settings.note("file", exc.expected, exc)
        return None
    function: Function | None = getattr(module, name, None)
    if callable(function):
        return function
    settings.note("file", f"a function {name} in {RECIPE_FILE}", "none")
    return None


class _UnfitFileError(Exception):
    """A file that cannot run here; the text is what was got."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(got)
        self.expected = expected


@cache
def _module_of(path: Path, source: bytes) -> ModuleType:
    """Run the file as a module, once for both functions, from the bytes whose hash was checked.

    Raises:
        _UnfitFileError: no Python, an import that the image lacks, or an error at its top level.
    """
    module = ModuleType(f"recipe of {path.parent}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        tree = ast.parse(source, str(path))
        _check_imports(tree)
        # The owner's code in the owner's image, as it was baked.
        exec(compile(tree, str(path), "exec"), module.__dict__)  # noqa: S102
    except _UnfitFileError:
        raise
    except (Exception, SystemExit) as exc:
        raise _UnfitFileError("Python that loads", _told(exc, path)) from exc
    return module


def _check_imports(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            known = name.partition(".")[0] in sys.stdlib_module_names
            if not known and not any(f"{name}.".startswith(f"{one}.") for one in IN_THE_IMAGE):
                expected = f"imports of the standard library, {', '.join(IN_THE_IMAGE)}"
                raise _UnfitFileError(expected, f"{name} at line {node.lineno}")


def _told(exc: BaseException, path: Path) -> str:
    """Return an error on one line, with the last line of the file that it passed."""
    if isinstance(exc, SyntaxError):
        return f"{exc.msg} at line {exc.lineno}"
    lines = [
        one.lineno for one in traceback.extract_tb(exc.__traceback__) if one.filename == str(path)
    ]
    at = f" at line {lines[-1]}" if lines else ""
    return f"{type(exc).__name__}: {' '.join(str(exc).split())}{at}"


@contextmanager
def owners_code(name: str, where: str, path: Path) -> Iterator[None]:
    """Call one of the functions, and tell its errors apart.

    Args:
        name: the function's.
        where: the instances' name in errors.
        path: the file's.

    Raises:
        InputError: the function raised ValueError; the caller gets its text.
        EngineError: the function raised anything else, which is its owner's fault.
    """
    try:
        yield
    except (InputError, EngineError):
        raise
    except ValueError as exc:
        reason = f"{RECIPE_FILE}, {name}: {_told(exc, path)}"
        raise InputError([Problem(where, str(exc), "")], reason=reason) from exc
    except Exception as exc:
        raise EngineError(f"{RECIPE_FILE}, {name}: {_told(exc, path)}") from exc
