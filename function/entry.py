"""
The Lambda handler, `function.entry.handler`: the composition root.

The only module that builds things at import. Models and the HTTP application are loaded here, in
the init phase, where Lambda gives a whole CPU and a snapshot is taken.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any, Final

from function.errors import FunctionError, UnsupportedSourceError, detail_of
from function.service import Service
from function.settings import Settings
from function.sources import Source, source_of
from function.telemetry import CURRENT, Invocation, write
from model.errors import ModelError

if TYPE_CHECKING:
    from function.from_http import HttpDoor

SETTINGS: Final = Settings.from_env(os.environ)
SERVICE: Final = Service.load(SETTINGS.zoo, SETTINGS.models, max_pixels=SETTINGS.max_pixels)


class _Doors:
    """What is built once: the HTTP door, and whether an event has come through any."""

    http: HttpDoor | None = None
    cold = True


def _http_door() -> HttpDoor:
    if _Doors.http is None:
        # Late where LAMBAKE_PRELOAD_HTTP is off: a function of queues does not pay for FastAPI.
        from function.app import create_app
        from function.from_http import HttpDoor

        app = create_app(SERVICE, max_body_bytes=SETTINGS.max_body_bytes, docs=SETTINGS.docs)
        _Doors.http = HttpDoor(app, base_path=SETTINGS.base_path)
    return _Doors.http


if SETTINGS.preload_http:
    _http_door()
# What is loaded now stays for good: the collector, which may run in any invocation, need not walk
# through FastAPI each time.
gc.freeze()


def handler(event: Any, context: Any) -> dict[str, Any]:
    """
    Answer one event.

    Args:
        event: any JSON value.
        context: awslambdaric's context; its request id goes into the log and into errors.

    Returns:
        The reply that the event's source expects.

    Raises:
        FaultException: where the source is told of errors so; its type is our error's name.
    """
    source = source_of(event)
    request_id = str(getattr(context, "aws_request_id", ""))
    invocation = Invocation(request_id, source.value, cold=_Doors.cold)
    _Doors.cold = False
    token = CURRENT.set(invocation)
    try:
        if source.is_http:
            return _http_door().answer(event, context, source)
        answer = _through_door(source, event)
        invocation.status = 200
        return answer
    except Exception as error:  # noqa: BLE001 -- the boundary: the invoker gets it by name
        invocation.record_error(error)
        raise _fault_of(error) from None
    finally:
        write(invocation.line())
        CURRENT.reset(token)


def _through_door(source: Source, event: Any) -> dict[str, Any]:
    if source is Source.DIRECT:
        from function.from_invoke import predict

        return predict(event, SERVICE)
    if source in (Source.SQS, Source.S3, Source.EVENTBRIDGE):
        raise UnsupportedSourceError(
            f"expected an HTTP event or a direct one, came one of {source.value}: not yet served"
        )
    raise UnsupportedSourceError(
        'expected an HTTP event or a direct one, {"model": …, "rows" | "image" | "images": …}, '
        f"came {'an event of another service' if source is Source.FOREIGN else 'something else'}"
    )


def _fault_of(error: Exception) -> Exception:
    """
    Spell an error for the invoker: our name, a safe message, and no stack trace.
    """
    from awslambdaric.lambda_runtime_exception import FaultException

    ours = isinstance(error, FunctionError | ModelError)
    name = type(error).__name__ if ours else "InternalError"
    fault: Exception = FaultException(name, detail_of(error), [])
    return fault
