"""
The one path behind every door: a request for some predictions in, the answer out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from function.errors import UnknownModelError
from function.telemetry import CURRENT
from model.errors import ArtefactError
from model.golden import verify_golden
from model.manifest import MANIFEST_FILE, Manifest
from model.postprocess import Prediction
from model.predictor import Predictor


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """Some instances for one model: bytes of pictures, or rows."""

    model: str
    instances: Sequence[Any]


@dataclass(frozen=True, slots=True)
class PredictResponse:
    """The predictions, in the order of the instances; the steps' times in milliseconds."""

    model: str
    version: str
    predictions: list[Prediction]
    steps_ms: dict[str, float]

    def payload(self) -> dict[str, Any]:
        """
        Spell the answer as the native door and a direct invocation give it.
        """
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
    """The models that are served, by name."""

    def __init__(self, predictors: Mapping[str, Predictor]) -> None:
        self._predictors = dict(sorted(predictors.items()))

    @classmethod
    def load(cls, zoo: Path, names: Sequence[str] = (), *, max_pixels: int) -> Service:
        """
        Load bundles.

        Args:
            zoo: the folder that has one folder a bundle.
            names: the bundles to load; none: all that there are.
            max_pixels: the most pixels that one picture may have.

        Raises:
            ArtefactError: there is no bundle, or one must not be served.
        """
        if not names:
            names = sorted(path.parent.name for path in zoo.glob(f"*/{MANIFEST_FILE}"))
        if not names:
            raise ArtefactError(zoo, expected="folders with a model.toml", got="none")
        predictors = {name: Predictor.load(zoo / name, max_pixels=max_pixels) for name in names}
        for predictor in predictors.values():
            # One golden vector each: a model that answers otherwise must not be served, and the
            # first caller should not be the one who waits for what is imported on first use.
            verify_golden(predictor, limit=1)
        return cls(predictors)

    def manifests(self) -> list[Manifest]:
        """
        List what the served models say of themselves, by name.
        """
        return [predictor.manifest for predictor in self._predictors.values()]

    def manifest(self, name: object) -> Manifest:
        """
        Find a model's manifest.

        Raises:
            UnknownModelError: no such model; names those that there are.
        """
        return self._predictor(name).manifest

    def predict(self, request: PredictRequest) -> PredictResponse:
        """
        Predict, whatever door the request came through.

        Raises:
            UnknownModelError: no such model.
            InputError: instances that are wrong.
            EngineError: the engine failed.
        """
        predictor = self._predictor(request.model)
        manifest = predictor.manifest
        invocation = CURRENT.get()
        if invocation:
            invocation.model, invocation.version = manifest.name, manifest.version
            invocation.count = len(request.instances)
        predictions, steps = predictor.predict(request.instances)
        steps_ms = {name.removesuffix("_ms"): value for name, value in asdict(steps).items()}
        if invocation:
            invocation.steps_ms |= steps_ms
        return PredictResponse(manifest.name, manifest.version, predictions, steps_ms)

    def _predictor(self, name: object) -> Predictor:
        if not isinstance(name, str) or name not in self._predictors:
            raise UnknownModelError(list(self._predictors))
        return self._predictors[name]
