"""One loaded model: recipe, engine, task, in this order."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.drift import Window
from model.bundle.manifest import Manifest, read_manifest
from model.engines import open_engine
from model.engines.base import Engine, OperatorError, RefusedError
from model.errors import ArtefactError, EngineError, InputError, Problem
from model.recipes.base import NotedFeeds
from model.tasks.base import Answer
from model.tensors import Feeds, Instances, NamedInputs, count_of, to_feeds

DEFAULT_MAX_PIXELS: Final = 16_777_216
"""
4096 x 4096. Decoding that many pixels takes less than 300 MB (tests/model/pictures/test_bombs.py).
"""


@dataclass(frozen=True, slots=True)
class Steps:
    """How long the steps of one call took, in milliseconds by the monotonic clock."""

    preprocess_ms: float
    engine_ms: float
    postprocess_ms: float


class Predictor:
    """A bundle in memory: its manifest, recipe, engine and task."""

    def __init__(self, manifest: Manifest, engine: Engine, *, max_pixels: int) -> None:
        self.manifest = manifest
        self.recipe = manifest.recipe
        self.task = manifest.task
        self.window: Window | None = None
        self._engine = engine
        self._max_pixels = max_pixels
        self._plural = manifest.recipe.describe().plural

    @classmethod
    def load(cls, folder: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Predictor:
        """Load a bundle, its hash verified.

        Args:
            folder: the bundle, with model.toml and the model file.
            max_pixels: the largest picture, width times height.

        Raises:
            ArtefactError: a file is missing, tampered with or malformed; names it.
        """
        manifest = read_manifest(folder)
        _check_hash(manifest)
        engine = open_engine(manifest)
        return cls(manifest, engine, max_pixels=max_pixels)

    def watch(self) -> None:
        """Start to compare what is served with the bundle's reference, if it has one.

        Raises:
            ArtefactError: the reference cannot be used.
        """
        self.window = Window.of(self.manifest)

    def predict(self, instances: Instances) -> tuple[list[Answer], Steps]:
        """Predict instances together.

        Args:
            instances: N of them, 1 <= N <= manifest.max_instances, as the recipe takes them; or the
                inputs of N by name.

        Returns:
            N answers in the order of the instances, and the time of each step.

        Raises:
            InputError: too few, too many or invalid instances; says which and why.
            EngineError: the engine failed.
        """
        start = perf_counter()
        feeds, count = self._feeds_of(instances)
        preprocessed = perf_counter()
        outputs = self._run(feeds, named=isinstance(instances, NamedInputs))
        ran = perf_counter()
        try:
            answers = self._answers_of(feeds, outputs, count)
        except EngineError as exc:
            # Past the recipe a caller may send numbers so large that the outputs overflow.
            if isinstance(instances, NamedInputs) and not all(map(_is_finite, outputs.values())):
                raise _refusal("inputs", exc) from exc
            raise
        end = perf_counter()
        if self.window:
            self.window.observe(feeds, answers)
        steps = Steps((preprocessed - start) * 1e3, (ran - preprocessed) * 1e3, (end - ran) * 1e3)
        return answers, steps

    def run(self, instances: Instances) -> tuple[Feeds, Steps]:
        """Compute the model's outputs as they are, for protocols that speak in tensors.

        Args:
            instances: as for `predict`.

        Returns:
            The manifest's outputs by tensor name, and the time of each step.

        Raises:
            InputError: too few, too many or invalid instances; says which and why.
            EngineError: the engine failed.
        """
        start = perf_counter()
        feeds, count = self._feeds_of(instances)
        preprocessed = perf_counter()
        outputs = self._run(feeds, named=True)
        ran = perf_counter()
        if self.window:
            with suppress(EngineError):  # outputs that are no answers are not watched
                self.window.observe(feeds, self._answers_of(feeds, outputs, count))
        return outputs, Steps((preprocessed - start) * 1e3, (ran - preprocessed) * 1e3, 0.0)

    def prepare(self, instances: Instances) -> Feeds:
        """Prepare instances for the engine, without asking it.

        Raises:
            InputError: too few, too many or invalid instances; says which and why.
        """
        return self._feeds_of(instances)[0]

    def count_of(self, instances: Instances) -> int:
        """Return how many instances these are; they need not be valid."""
        if isinstance(instances, NamedInputs):
            return count_of(instances.values, self.manifest.inputs)
        return len(instances)

    def _feeds_of(self, instances: Instances) -> tuple[Feeds, int]:
        """Prepare the engine's arrays; return them with the number of instances."""
        count = self.count_of(instances)
        if isinstance(instances, NamedInputs):
            feeds = to_feeds(instances.values, self.manifest.inputs)
            self._require_count(count, "instances")
            return feeds, count
        self._require_count(count, self._plural)
        return self.recipe.tensors(instances, max_pixels=self._max_pixels), count

    def _run(self, feeds: Feeds, *, named: bool) -> Feeds:
        """Run the engine; tell what the caller is to blame for from what is ours."""
        try:
            return self._engine.run(feeds)
        except Exception as exc:
            # An operator that fails on arrays of the recipe's making is our own fault.
            if isinstance(exc, RefusedError) or (named and isinstance(exc, OperatorError)):
                raise _refusal("inputs" if named else self._plural, exc) from exc
            raise EngineError(f"{self.manifest.engine} failed: {exc}") from exc

    def _answers_of(self, feeds: Feeds, outputs: Feeds, count: int) -> list[Answer]:
        notes = feeds.notes if isinstance(feeds, NotedFeeds) else {}
        return self.task.answers({**feeds, **notes, **outputs}, count)

    def _require_count(self, count: int, what: str) -> None:
        limit = self.manifest.max_instances
        if not 1 <= count <= limit:
            got = str(count) if count else "none"
            raise InputError([Problem(what, f"1 to {limit} {what}", got)])


def _refusal(what: str, reason: Exception) -> InputError:
    """Return the error for what only the model itself can refuse; the reason is for the log."""
    problem = Problem(what, "sizes and values that the model computes with", "some that it refuses")
    return InputError([problem], reason=str(reason))


def _is_finite(output: NDArray[Any]) -> bool:
    return output.dtype.kind != "f" or bool(np.isfinite(output).all())


def _check_hash(manifest: Manifest) -> None:
    """Compare the model file's hash with the manifest's, without holding the file in memory.

    Raises:
        ArtefactError: the file is missing, or has another hash.
    """
    path = manifest.artefact
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise ArtefactError(path, expected="the model file", got=exc.strerror) from exc
    if digest != manifest.sha256:
        raise ArtefactError(path, expected=f"sha256 {manifest.sha256}", got=digest)
