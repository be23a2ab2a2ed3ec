"""The native protocol: what is served below /models, and predictions from pictures or rows."""

from __future__ import annotations

from dataclasses import asdict
from time import perf_counter
from typing import Any, Final

from function.http.bodies import instances_in, json_response
from function.http.examples import example_of
from function.http.lean_fastapi import Request, Response
from function.http.routes import EACH_MODEL, ShownRoute
from function.http.samples import samples_of
from function.service import Answer, Service
from function.telemetry import invocation as telemetry
from model.bundle.manifest import Manifest
from model.bundle.versions import Versions
from model.predictor import Predictor
from model.tensors import Tensor

_ANY: Final = {"type": "object"}
"""openapi.py shows each model's own answer in its place."""


def routes(service: Service, *, max_body_bytes: int, ask: telemetry.Ask) -> list[ShownRoute]:
    """Build the routes, as `function.protocols.Routes` says."""

    async def models(_request: Request) -> Response:
        summaries = [_summary_of(one.latest.manifest, one) for one in service.models()]
        return json_response({"models": summaries})

    async def versions(request: Request) -> Response:
        found = service.versions(request.path_params["name"])
        return json_response({"model": found.name, "versions": found.labelled()})

    async def card(request: Request) -> Response:
        manifest = service.find(**request.path_params).manifest
        versions = service.versions(manifest.name)
        return json_response(_card_of(versions.predictors[manifest.version], versions))

    async def predict(request: Request) -> Response:
        started = perf_counter()
        served = service.find(**request.path_params)
        instances = await instances_in(request, served, max_body_bytes=max_body_bytes)
        answer = await ask(telemetry.predict, served, instances)
        headers = _headers_of(answer, total_ms=(perf_counter() - started) * 1e3)
        return json_response(answer.payload(), headers=headers)

    model, version = "/models/{name}", "/models/{name}/versions/{version}"
    post: dict[str, Any] = {"methods": ["POST"], "group": EACH_MODEL}
    return [
        # The router tries each in turn, so the first is what is asked for most.
        ShownRoute(f"{model}/predict", predict, "Predict with", _ANY, **post),
        ShownRoute("/models", models, "List the models", "ModelList"),
        ShownRoute(model, card, "Show a model's card", "ModelAnswer"),
        ShownRoute(
            f"{model}/versions",
            versions,
            "List a model's versions",
            "VersionsAnswer",
        ),
        ShownRoute(version, card, "Show the card of", "ModelAnswer", group=EACH_MODEL),
        ShownRoute(f"{version}/predict", predict, "Predict with", _ANY, **post),
    ]


def _headers_of(answer: Answer, *, total_ms: float) -> dict[str, str]:
    steps_ms = {**answer.steps_ms, "total": total_ms}
    times = [f"{step};dur={ms:.3f}" for step, ms in steps_ms.items()]
    if telemetry.current().cold:  # a metric without a time: it is there, or not
        times.insert(0, "cold")
    return {
        "x-model-version": f"{answer.model}/{answer.version}",
        "server-timing": ", ".join(times),
    }


def _summary_of(manifest: Manifest, versions: Versions) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "kind": manifest.kind,
        "description": manifest.description,
        "versions": versions.labelled(),
    }


def _tensor_of(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": tensor.shape}


def _card_of(predictor: Predictor, versions: Versions) -> dict[str, Any]:
    manifest, description = predictor.manifest, predictor.recipe.describe()
    card = manifest.folder / "CARD.md"
    return _summary_of(manifest, versions) | {
        "licence": manifest.licence,
        "engine": manifest.engine,
        "sha256": manifest.sha256,
        "labels": manifest.task.labels,
        "unit": getattr(manifest.task, "unit", ""),
        "takes": description.takes,
        "example": example_of(predictor),
        "columns": [asdict(column) for column in description.columns],
        "size": description.size,
        "inputs": list(map(_tensor_of, manifest.inputs)),
        "outputs": list(map(_tensor_of, manifest.outputs)),
        "samples": [name for name, _ in samples_of(manifest)],
        "max_instances": manifest.max_instances,
        "training": dict(manifest.training),
        "metrics": dict(manifest.metrics),
        "card": card.read_text(encoding="utf-8") if card.is_file() else "",
    }
