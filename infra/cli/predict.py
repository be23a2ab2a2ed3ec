"""`lambake predict`: ask a model about files, without a server.

The function's handler is called in this process with direct events, so the answers are its own.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from infra import FUNCTION_FILE
from infra.cli.exits import DONE, FAILED
from infra.cli.flags import About, UsageError, argument, flag

ROWS_AT_ONCE: Final = 100
BAR: Final = 30
"""Characters of a bar that is full."""

_TEXTS: Final = {".csv": "rows", ".json": "", ".txt": "texts"}
_FORMS: Final = {
    ".csv": "CSV in UTF-8",
    ".json": 'a JSON object such as {"rows": [[1, 2]]}',
    ".txt": "UTF-8 text",
}
Predict = Callable[[dict[str, Any]], list[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command."""

    model: str = argument("the model, or model:version")
    files: list[str] = argument(
        "pictures, a .csv of rows, a .txt with a text a line, a .json payload; or a folder of them",
        nargs="+", metavar="FILE",
    )  # fmt: skip
    function: Path = flag(FUNCTION_FILE, "the function's settings (%(default)s)", type=Path)
    csv: str | None = flag(None, "write the predictions to this file", metavar="FILE.csv")


ABOUT = About(
    "ask a model about files, without a server", Options, needs="run",
    example="digits model/zoo/digits/samples/7.png",
)  # fmt: skip


def run(options: Options) -> int:
    """Predict every file, draw the answers, and write them if asked.

    Returns:
        The exit status: FAILED if a file was refused.
    """
    files = [file for name in options.files for file in _files_of(Path(name))]
    if not files:
        raise UsageError(f"expected files in {', '.join(options.files)}, found none")
    predict, refused = _predictor_of(options.model, options.function), 0
    found: list[tuple[str, dict[str, Any]]] = []
    drawn = options.csv is None
    started = time.monotonic()
    for number, file in enumerate(files, 1):
        try:
            payloads, answered = _payloads_of(file), 0
            for payload in payloads:
                answers = predict(payload)
                single = len(payloads) == len(answers) == 1
                places = range(answered + 1, answered + len(answers) + 1)
                names = [str(file)] if single else [f"{file}:{place}" for place in places]
                answered += len(answers)
                found += zip(names, answers, strict=True)
                if drawn:
                    _draw(names, answers, alone=single and len(files) == 1)
        except (OSError, _RefusedError) as error:
            refused += 1
            sys.stderr.write(f"{file}: {error}{_hint(file, str(error))}\n")
        if sys.stderr.isatty() and not drawn:
            rate = number / max(time.monotonic() - started, 1e-9)
            sys.stderr.write(f"\r{number} of {len(files)} files, {rate:.1f}/s\033[K")
    if options.csv is not None:
        _write(Path(options.csv), found)
        end = "\n" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{end}{options.csv}: {len(found)} predictions, {refused} files refused\n")
    return FAILED if refused else DONE


class _RefusedError(Exception):
    """What the function says of a payload."""


def _files_of(path: Path) -> list[Path]:
    if not path.exists():
        raise UsageError(f"{path}: expected a file or a folder, found none")
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.is_file() and one.name[0] != ".")
    return [path]


def _predictor_of(model: str, function: Path) -> Predict:
    """Load the function; its log is left out."""
    from infra.settings import read

    os.environ.setdefault("LAMBAKE_PRELOAD_HTTP", "off")
    module, _, name = read(function).handler.rpartition(".")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            handler = getattr(importlib.import_module(module), name)
    except ImportError:
        raise  # the command line says what installs it
    except Exception as error:
        raise UsageError(f"the function does not load: {error}") from error
    name, _, version = model.partition(":")
    target = {"model": name} | ({"version": version} if version else {})
    context = SimpleNamespace(
        aws_request_id="predict",
        invoked_function_arn="",
        get_remaining_time_in_millis=lambda: 60_000,
    )

    def predict(payload: dict[str, Any]) -> list[dict[str, Any]]:
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                answer: dict[str, Any] = handler(target | payload, context)
            except Exception as error:
                # The handler's errors have a name, a message and problems: awslambdaric's form.
                raise _RefusedError(error.args[1] if len(error.args) == 3 else error) from error
        predictions: list[dict[str, Any]] = answer["predictions"]
        return predictions

    return predict


def _hint(file: Path, error: str) -> str:
    """Say how a file was sent, where the model takes something else."""
    sent_as_picture = file.suffix.lower() not in _TEXTS and error.startswith("body:")
    return " (sent as a picture; rows go as .csv, texts as .txt)" if sent_as_picture else ""


def _payloads_of(file: Path) -> list[dict[str, Any]]:
    """Return what is sent of a file: rows and texts go by the hundred.

    Raises:
        _RefusedError: it is not what its name says.
    """
    kind, content = file.suffix.lower(), file.read_bytes()
    if kind not in _TEXTS:
        return [{"image": base64.b64encode(content).decode()}]
    try:
        text = content.decode("utf-8-sig")
        payload = json.loads(text) if kind == ".json" else {}
    except ValueError as error:
        raise _RefusedError(f"expected {_FORMS[kind]}, got something else: {error}") from error
    if not isinstance(payload, dict):
        raise _RefusedError(f"expected {_FORMS[kind]}, got {text[:40]}")
    if kind == ".json":
        return [payload]
    lines = [line for line in text.splitlines() if line.strip()]
    items: Sequence[Any] = lines if kind == ".txt" else _rows_of(text)
    parts = (items[at : at + ROWS_AT_ONCE] for at in range(0, len(items), ROWS_AT_ONCE))
    return [{_TEXTS[kind]: part} for part in parts]


def _rows_of(text: str) -> list[dict[str, Any]]:
    """Read rows by the names of their columns; a column of numbers alone is one of numbers."""
    rows = list(csv.DictReader(io.StringIO(text)))
    numeric = {name for name in (rows[0] if rows else ()) if _are_numbers([r[name] for r in rows])}
    return [
        {
            name: (None if value in ("", None) else float(value) if name in numeric else value)
            for name, value in row.items()
        }
        for row in rows
    ]


def _are_numbers(cells: Sequence[str | None]) -> bool:
    try:
        return [float(cell) for cell in cells if cell] != []
    except ValueError:
        return False


def _draw(names: Sequence[str], answers: Sequence[dict[str, Any]], *, alone: bool) -> None:
    """Print a line an answer; the shares of all classes if there is one answer only."""
    for name, answer in zip(names, answers, strict=True):
        label, shares = answer.get("label"), answer.get("probabilities")
        if alone and isinstance(shares, dict):
            print(f"{name}: {label}")
            for one, share in sorted(shares.items(), key=lambda pair: -pair[1])[:10]:
                print(f"  {one:<{max(map(len, shares))}}  {_bar(share)}")
        elif label is not None and "confidence" in answer:
            print(f"{name}  {label}  {_bar(answer['confidence'])}")
        else:
            print(f"{name}  {json.dumps(answer.get('label', answer.get('value', answer)))}")


def _bar(share: float) -> str:
    return f"{share:7.2%}  {'█' * round(share * BAR)}".rstrip()


def _write(path: Path, found: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Write a table: an instance a row, each number of an answer in a column of its own."""
    rows = [{"instance": name} | dict(_cells_of(answer)) for name, answer in found]
    columns = dict.fromkeys(key for row in rows for key in row)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(columns) or ["instance"])
        table.writeheader()
        table.writerows(rows)


def _cells_of(answer: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in answer.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, json.dumps(value) if isinstance(value, list) else value
