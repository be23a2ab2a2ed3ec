"""The one path behind every door: a model is found, instances go in, an answer comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from function.errors import UnknownModelError, UnknownVersionError
from model.bundle.drift import Drift
from model.bundle.golden import verify_golden
from model.bundle.manifest import MANIFEST_FILE, Manifest
from model.bundle.versions import LATEST, Versions
from model.errors import ArtefactError, EngineError
from model.predictor import Predictor, Steps
from model.recipes.base import Description, Recipe
from model.tasks.base import Task
from model.tensors import Feeds, Instances


@dataclass(frozen=True, slots=True)
class Answer:
    """One call's predictions, in the order of the instances, and what telemetry wants to know."""

    model: str
    version: str
    predictions: list[dict[str, Any]]
    """JSON-ready, as the model's task spells them: {"label", "confidence", "probabilities"}."""
    steps_ms: dict[str, float] = field(default_factory=dict)
    drift: Drift = field(default_factory=dict)
    """The stability index by feature; empty where there is no news."""

    def payload(self) -> dict[str, Any]:
        """Return the answer as the native door and a direct invocation give it."""
        return {"model": self.model, "version": self.version, "predictions": self.predictions}


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One call's outputs by tensor name, past the model's task."""

    model: str
    version: str
    outputs: Feeds
    steps_ms: dict[str, float] = field(default_factory=dict)
    drift: Drift = field(default_factory=dict)


_Result = TypeVar("_Result")

SUSPICIOUS: Final = 3
"""After so many failures of an engine in a row the model itself is looked at."""


class Served:
    """One version of a model, found by `Service.find`."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._failures = 0
        self.manifest: Manifest = predictor.manifest
        self.recipe: Recipe = predictor.recipe
        self.task: Task = predictor.task
        self.description: Description = predictor.recipe.describe()

    def count_of(self, instances: Instances) -> int:
        """Return how many instances these are; they need not be valid."""
        return self._predictor.count_of(instances)

    def prepare(self, instances: Instances) -> Feeds:
        """Prepare instances as `predict` does before it asks the engine.

        Raises:
            InputError: instances that are wrong.
        """
        return self._predictor.prepare(instances)

    def predict(self, instances: Instances) -> Answer:
        """Predict some instances together, whatever door they came through.

        Args:
            instances: bytes of pictures, rows, texts, or the model's inputs by name.

        Raises:
            InputError: instances that are wrong.
            EngineError: the engine failed; with an ArtefactError as its cause, the model is broken
                in memory, which is fatal.
        """
        predictions, steps = self._guarded(lambda: self._predictor.predict(instances))
        name, version = self.manifest.name, self.manifest.version
        return Answer(name, version, predictions, _milliseconds(steps), self._news())

    def run(self, instances: Instances) -> RawAnswer:
        """Compute the model's outputs as they are.

        Raises:
            InputError, EngineError: as in `predict`.
        """
        outputs, steps = self._guarded(lambda: self._predictor.run(instances))
        name, version = self.manifest.name, self.manifest.version
        return RawAnswer(name, version, outputs, _milliseconds(steps), self._news())

    def _news(self) -> Drift:
        window = self._predictor.window
        return window.news() if window else {}

    def _guarded(self, act: Callable[[], _Result]) -> _Result:
        """Do something with the engine; look at the model if the engine fails repeatedly."""
        try:
            result = act()
        except EngineError as error:
            # The engine may be at fault, or the input that a caller chose: a stranger must not be
            # able to end the process. The golden vector tells the two apart.
            self._failures += 1
            if self._failures == SUSPICIOUS:
                self._failures = 0
                try:
                    verify_golden(self._predictor, limit=1)
                except ArtefactError as broken:
                    raise error from broken
            raise
        self._failures = 0
        return result


def _milliseconds(steps: Steps) -> dict[str, float]:
    return {
        "preprocess": steps.preprocess_ms,
        "engine": steps.engine_ms,
        "postprocess": steps.postprocess_ms,
    }


class Service:
    """The models that are served, by name, each in one version or several."""

    def __init__(self, models: Mapping[str, Versions]) -> None:
        self._models = dict(sorted(models.items()))
        served = {one: Served(one) for one in self.predictors()}
        self._served = {
            (versions.name, asked): served[versions.predictors[name]]
            for versions in self._models.values()
            for name, labels in versions.labelled().items()
            for asked in (name, *labels, *([None] if LATEST in labels else []))
        }

    @classmethod
    def load(cls, zoo: Path, names: Sequence[str] = (), *, max_pixels: int) -> Service:
        """Load models, in every version that there is.

        Args:
            zoo: the folder that has one folder a model.
            names: the models to load; none: all that there are.
            max_pixels: the most pixels that one picture may have.

        Raises:
            ArtefactError: there is no bundle, or one must not be served.
        """
        names = names or models_in(zoo)
        if not names:
            raise ArtefactError(zoo, expected="folders with a model.toml", got="none")
        models = {name: Versions.load(zoo / name, max_pixels=max_pixels) for name in names}
        for versions in models.values():
            for predictor in versions.predictors.values():
                # One golden vector each: a model that answers otherwise must not be served, and
                # what is imported on first use must not delay the first request.
                verify_golden(predictor, limit=1)
        return cls(models)

    def watch(self) -> None:
        """Compare from now on what is served with the references of the bundles that have one.

        Raises:
            ArtefactError: a reference that cannot be used.
        """
        for predictor in self.predictors():
            predictor.watch()

    def predictors(self) -> list[Predictor]:
        """List every version of every model."""
        return [one for versions in self._models.values() for one in versions.predictors.values()]

    def models(self) -> list[Versions]:
        """List the served models with all their versions, by name."""
        return list(self._models.values())

    def versions(self, name: object) -> Versions:
        """Find a model's versions.

        Raises:
            UnknownModelError: no such model; names those that there are.
        """
        if not isinstance(name, str) or name not in self._models:
            raise UnknownModelError(list(self._models))
        return self._models[name]

    def find(self, name: object, version: object = None) -> Served:
        """Find a model in one of its versions.

        Args:
            name: the model's.
            version: a version, or a label of one; none: the latest.

        Raises:
            UnknownModelError, UnknownVersionError: no such; names those that there are.
        """
        served = None
        if isinstance(name, str) and isinstance(version, str | None):
            served = self._served.get((name, version))
        if served is None:
            raise UnknownVersionError(self.versions(name).names)
        return served


def models_in(zoo: Path) -> list[str]:
    """Name the models of a zoo, sorted: folders with a manifest, or with folders that have one."""
    alone = {path.parent.name for path in zoo.glob(f"*/{MANIFEST_FILE}")}
    return sorted(alone | {path.parent.parent.name for path in zoo.glob(f"*/*/{MANIFEST_FILE}")})
