"""The one path behind every door: a request for some predictions in, the answer out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from function.errors import UnknownModelError, UnknownVersionError
from function.telemetry.invocation import CURRENT
from function.telemetry.vitals import EngineVitals
from model.bundle.golden import verify_golden
from model.bundle.manifest import MANIFEST_FILE, Manifest
from model.bundle.versions import Versions
from model.errors import ArtefactError, EngineError
from model.predictor import Predictor
from model.tasks.classify import Prediction


class PredictionAnswer(TypedDict):
    """One instance's answer."""

    label: str
    confidence: float
    probabilities: dict[str, float]


class Answer(TypedDict):
    """What a payload is answered with: one prediction an instance, in their order."""

    model: str
    version: str
    predictions: list[PredictionAnswer]


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """
    Some instances for one model: bytes of pictures, or rows.

    The version may be a label; none means the latest.
    """

    model: str
    instances: Sequence[Any]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class PredictResponse:
    """The predictions, in the order of the instances; the steps' times in milliseconds."""

    model: str
    version: str
    predictions: list[Prediction]
    steps_ms: dict[str, float]

    def payload(self) -> Answer:
        """Spell the answer as the native door and a direct invocation give it."""
        return {
            "model": self.model,
            "version": self.version,
            "predictions": [
                {
                    "label": prediction.label,
                    "confidence": prediction.confidence,
                    "probabilities": prediction.probabilities,
                }
                for prediction in self.predictions
            ],
        }


class Service:
    """The models that are served, by name, each in one version or several."""

    def __init__(self, models: Mapping[str, Versions]) -> None:
        self._models = dict(sorted(models.items()))
        self._vitals = EngineVitals()

    @classmethod
    def load(cls, zoo: Path, names: Sequence[str] = (), *, max_pixels: int) -> Service:
        """
        Load models, in every version that there is.

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
                # the first caller should not be who waits for what is imported on first use.
                verify_golden(predictor, limit=1)
        return cls(models)

    def watch(self) -> None:
        """
        Compare from now on what is served with the references of the bundles that have one.

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
        """
        Find a model's versions.

        Raises:
            UnknownModelError: no such model; names those that there are.
        """
        if not isinstance(name, str) or name not in self._models:
            raise UnknownModelError(list(self._models))
        return self._models[name]

    def manifest(self, name: object, version: str | None = None) -> Manifest:
        """
        Find the manifest of a model's version.

        Args:
            name: the model's.
            version: a version, or a label of one; none: the latest.

        Raises:
            UnknownModelError, UnknownVersionError: no such; names those that there are.
        """
        return self._predictor(name, version).manifest

    def predict(self, request: PredictRequest) -> PredictResponse:
        """
        Predict, whatever door the request came through.

        Raises:
            UnknownModelError, UnknownVersionError: no such; names those that there are.
            InputError: instances that are wrong.
            EngineError: the engine failed.
        """
        predictor = self._predictor(request.model, request.version)
        manifest = predictor.manifest
        invocation = CURRENT.get()
        if invocation:
            invocation.model, invocation.version = manifest.name, manifest.version
            invocation.count = len(request.instances)
        try:
            predictions, steps = predictor.predict(request.instances)
        except EngineError:
            if self._vitals.failed(predictor) and invocation:
                invocation.fatal = True
            raise
        self._vitals.answered(predictor)
        steps_ms = {name.removesuffix("_ms"): value for name, value in asdict(steps).items()}
        if invocation:
            drift = predictor.window.news() if predictor.window else {}
            invocation.record_predictions(predictions, steps_ms, drift)
        return PredictResponse(manifest.name, manifest.version, predictions, steps_ms)

    def _predictor(self, name: object, version: str | None) -> Predictor:
        versions = self.versions(name)
        predictor = versions.find(version)
        if predictor is None:
            raise UnknownVersionError(versions.names)
        return predictor


def models_in(zoo: Path) -> list[str]:
    """Name the models of a zoo, sorted: folders with a manifest, or with folders that have one."""
    alone = {path.parent.name for path in zoo.glob(f"*/{MANIFEST_FILE}")}
    return sorted(alone | {path.parent.parent.name for path in zoo.glob(f"*/*/{MANIFEST_FILE}")})
