"""A converter at work: a process in an environment of its own, which holds the original model."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import weakref
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake import environments, kept
from model.bake.errors import BakeError
from model.bake.kept import Conversion
from model.bake.sources.base import Run, Say
from model.recipes.base import Feeds

HOST: Final = Path(__file__).parent / "converters" / "host.py"
CONVERT_S: Final = 3600.0
ANSWER_S: Final = 900.0
"""The most that a conversion, and one answer of the original, may take: a function has 900 s."""

_EXPORT: Final = "Export it as ONNX from the framework that it was made with, and bake that."


class Converter:
    """A model converted to ONNX, and the original to ask; its process ends with this object."""

    def __init__(self, python: Path, script: str, arguments: dict[str, Any], work: Path) -> None:
        """Convert a model.

        Args:
            python: the interpreter of the script's environment.
            script: a module of model/bake/converters.
            arguments: those of its `convert`, as JSON has them.
            work: a folder for the files by which both sides talk.

        Raises:
            BakeError: the converter refuses the model, fails, dies or takes too long.
        """
        self._work, self._script = work, script
        self._log = work / f"{script}.log"
        command = [str(python), "-I", str(HOST), script, json.dumps(arguments)]
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._end = weakref.finalize(self, _end, self._process)
        self.facts: dict[str, Any] = self._reply(CONVERT_S).get("facts", {})

    def run(self, feeds: Feeds) -> dict[str, NDArray[Any]]:
        """Ask the original, with arrays by the names of the ONNX file's tensors."""
        inputs, outputs = self._work / "inputs.npz", self._work / "outputs.npz"
        # No pickles: strings are read back as NumPy's unicode arrays.
        plain = {k: v.astype(str) if v.dtype.kind == "O" else v for k, v in feeds.items()}
        np.savez(inputs, **plain)  # type: ignore[arg-type]  # its stub takes no names
        assert self._process.stdin is not None  # noqa: S101  # a pipe
        try:
            self._process.stdin.write(
                json.dumps({"inputs": str(inputs), "outputs": str(outputs)}) + "\n"
            )
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the reply says why
        self._reply(ANSWER_S)
        with np.load(outputs, allow_pickle=False) as found:
            return dict(found)

    def _reply(self, deadline_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101  # a pipe
        if not select.select([self._process.stdout], [], [], deadline_s)[0]:
            self._process.kill()
            self._end()
            raise BakeError(
                f"the converter {self._script} gave no answer within {deadline_s:g} s: "
                "the model's graph may never end",
                _EXPORT,
            )
        line = self._process.stdout.readline()
        if not line:
            self._end()
            code = self._process.returncode
            reason = f"signal {-code}: too little memory?" if code < 0 else f"exit code {code}"
            raise BakeError(f"the converter {self._script} died ({reason}){self._last_words()}")
        document: dict[str, Any] = json.loads(line)
        if "refused" in document or "failed" in document:
            self._end()
        if "refused" in document:
            raise BakeError(*document["refused"])
        if "failed" in document:
            raise BakeError(
                f"the converter {self._script} failed: {document['failed']}",
                _EXPORT,
            )
        return document

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


def _end(process: subprocess.Popen[str]) -> None:
    """End a process by ending its stdin; kill it if it does not listen."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def convert(environment: str, script: str, path: Path, onnx: Path, say: Say) -> Conversion:
    """Convert a model in an environment, which is made if it is not there yet.

    Args:
        environment: its name.
        script: a module of model/bake/converters.
        path: the model.
        onnx: the file to write, in a folder for what both sides talk by.
        say: reports progress.

    Raises:
        BakeError: no environment can be made, or the model cannot be converted.
    """

    def start(target: Path) -> tuple[dict[str, Any], Run]:
        python = environments.interpreter_of(environment, say)
        say("converting to ONNX …")
        arguments = {"path": str(path), "onnx": str(target)}
        converter = Converter(python, script, arguments, onnx.parent)
        return converter.facts, converter.run

    return Conversion(kept.place_of(environment, path), onnx, start)
