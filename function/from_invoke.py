"""
The direct door: a JSON payload from `Invoke`, the answer as a dictionary.
"""

from __future__ import annotations

from typing import Any

from function.errors import InvalidError
from function.inputs import instances_of
from function.service import PredictRequest, Service
from model.errors import Problem
from model.tables import kind_of


def predict(event: dict[str, Any], service: Service) -> dict[str, Any]:
    """
    Answer `{"model": …, "rows" | "image" | "images": …}`.

    Returns:
        {"model", "version", "predictions"}, as the native HTTP door answers.

    Raises:
        RequestError, ModelError: as over HTTP; the invoker sees a function error.
    """
    if not isinstance(event["model"], str):
        came = kind_of(event["model"])
        raise InvalidError([Problem("model", "a model's name", came)])
    manifest = service.manifest(event["model"])
    payload = {key: value for key, value in event.items() if key != "model"}
    request = PredictRequest(manifest.name, instances_of(payload, manifest))
    return service.predict(request).payload()
