"""Import FastAPI without building what no answer needs.

FastAPI describes OpenAPI in some sixty pydantic models. Building their validators takes an eighth
of the function's import time, so they are built on first use, as pydantic's `defer_build` does.
FastAPI itself is unchanged: whoever uses one of its models, as `FastAPI.openapi()` does, finds it
built. If pydantic's internals are not as expected here, FastAPI is imported as usual.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from pydantic import BaseModel, ConfigDict


@contextmanager
def deferred_models() -> Iterator[None]:
    """Build pydantic models that are defined inside the `with` on first use."""
    config, rebuild = BaseModel.model_config, BaseModel.__dict__["model_rebuild"]

    def rebuild_on_use(cls: type[BaseModel], /, **options: Any) -> bool | None:
        # FastAPI calls it without options after its definitions; pydantic, on first use, with them.
        result: bool | None = rebuild.__func__(cls, **options) if options else None
        return result

    BaseModel.model_config = ConfigDict(defer_build=True)
    BaseModel.model_rebuild = classmethod(rebuild_on_use)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        BaseModel.model_config = config
        BaseModel.model_rebuild = rebuild  # type: ignore[method-assign]


def can_defer() -> bool:
    """Whether a trial model waits when it is defined and works when it is used."""
    try:
        with deferred_models():

            class Probe(BaseModel):
                number: int

            Probe.model_rebuild()
            return not Probe.__pydantic_complete__ and Probe(number=1).number == 1
    except Exception:  # noqa: BLE001 -- whatever a pydantic of another make does, there is another way
        return False


with deferred_models() if can_defer() else nullcontext():
    from fastapi import FastAPI, Request, Response
    from fastapi.exceptions import RequestValidationError
    from fastapi.routing import APIRoute, iter_route_contexts

__all__ = [
    "APIRoute", "FastAPI", "Request", "RequestValidationError", "Response", "iter_route_contexts",
]  # fmt: skip
