"""The Lambda handler, `function.entry.handler`: the composition root.

The only module that builds things at import. Models and the HTTP application load here, in the
init phase, where Lambda provides a whole CPU and takes the snapshot.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

# OpenBLAS starts a thread a core when NumPy is imported, which no engine or recipe uses. Nearly all
# that an import makes stays, so the collector would look for garbage in vain. Together they were a
# quarter of the import's CPU time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# To find its plug-ins pydantic reads the metadata of every installed package: a seventh of the
# import's CPU time where there are two hundred. An empty value finds them again.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
gc.disable()

from function.aws import aws_client
from function.deadline import Context
from function.doors.sources import Source, clue_in, source_of
from function.errors import UnsupportedSourceError, detail_of, name_of
from function.limits import MAX_REPLY_BYTES
from function.payloads import FORM, Payloads, require_carried
from function.service import Service
from function.settings import Settings
from function.telemetry.cloudwatch import EmbeddedMetrics
from function.telemetry.invocation import Invocation, trace_id_of, under_way, write
from function.telemetry.vitals import end_process

if TYPE_CHECKING:
    from function.doors.http import HttpDoor
    from function.objects.process import Objects

SETTINGS: Final = Settings.from_env(os.environ)
SERVICE: Final = Service.load(SETTINGS.zoo, SETTINGS.models, max_pixels=SETTINGS.max_pixels)
METRICS: Final = (
    EmbeddedMetrics(
        SETTINGS.metrics_namespace, os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "lambake"
    )
    if SETTINGS.metrics
    else None
)
if METRICS:
    SERVICE.watch()


class _Doors:
    """What is built once, and whether any event has been answered yet."""

    http: HttpDoor | None = None
    others: ClassVar[dict[Source, Door]] = {}
    cold = True


def _http_door() -> HttpDoor:
    if _Doors.http is None:
        # Late where LAMBAKE_PRELOAD_HTTP is off: a function of queues does not pay for FastAPI.
        from function.doors.http import HttpDoor
        from function.http.app import create_app

        app = create_app(
            SERVICE,
            max_body_bytes=SETTINGS.max_body_bytes,
            protocols=SETTINGS.protocols,
            docs=SETTINGS.docs,
        )
        _Doors.http = HttpDoor(
            app, base_path=SETTINGS.base_path, cors_origins=SETTINGS.cors_origins
        )
    return _Doors.http


class Door(Protocol):
    """Answers the events of one kind of source other than HTTP."""

    def answer(self, event: Any, context: Context, /) -> Mapping[str, Any]:
        """Answer one event before the context's deadline."""


def _objects() -> Objects:
    """Build what reads and writes objects, from the settings."""
    from function.objects.keys import KeyLayout
    from function.objects.process import Objects

    keys = KeyLayout(
        SETTINGS.input_prefix, SETTINGS.output_prefix, SETTINGS.output_bucket, SETTINGS.object_model
    )
    return Objects(
        SERVICE,
        aws_client("s3"),
        keys,
        max_object_bytes=SETTINGS.max_object_bytes,
        max_body_bytes=SETTINGS.max_body_bytes,
    )


PAYLOADS: Final = Payloads(SERVICE, _objects, max_body_bytes=SETTINGS.max_body_bytes)


def _invoke_door() -> Door:
    from function.doors.invoke import InvokeDoor

    return InvokeDoor(PAYLOADS)


def _map_door() -> Door:
    from function.doors.step_functions import MapDoor

    return MapDoor(PAYLOADS, _objects)


def _eventbridge_door() -> Door:
    from function.doors.eventbridge import EventBridgeDoor

    return EventBridgeDoor(PAYLOADS, _objects)


def _s3_door() -> Door:
    from function.doors.s3 import S3Door

    return S3Door(_objects())


def _sqs_door() -> Door:
    from function.doors.results_queue import ResultsQueue
    from function.doors.sqs import SqsDoor

    queue = SETTINGS.results_queue
    send = ResultsQueue(aws_client("sqs"), queue) if queue else None
    return SqsDoor(PAYLOADS, _objects, send=send, permanent=SETTINGS.permanent_failures)


_BUILDERS: Final[dict[Source, Callable[[], Door]]] = {
    Source.DIRECT: _invoke_door,
    Source.MAP: _map_door,
    Source.EVENTBRIDGE: _eventbridge_door,
    Source.S3: _s3_door,
    Source.SQS: _sqs_door,
}


def _door_of(source: Source, event: Any) -> Door:
    """Return a source's door, built on first use: unused doors cost no imports.

    Raises:
        UnsupportedSourceError: there is none; names what it got and what is accepted.
    """
    if source not in _BUILDERS:
        clue = clue_in(event) or "something else"
        raise UnsupportedSourceError(
            f"expected an event of HTTP, SQS, S3 or EventBridge, or a payload, {FORM} "
            f'or {{"Items": […]}}, got {clue}'
        )
    if source not in _Doors.others:
        _Doors.others[source] = _BUILDERS[source]()
    return _Doors.others[source]


if SETTINGS.preload_http:
    _http_door()
# What is loaded by now stays: the collector, which may run in any invocation, need not walk
# through FastAPI each time.
gc.freeze()
gc.enable()


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event.

    Args:
        event: any JSON value.
        context: awslambdaric's context; the log and errors carry its request id.

    Returns:
        The reply that the event's source expects.

    Raises:
        FaultException: for sources that expect errors this way; its type is our error's name.
    """
    source = source_of(event)
    request_id = str(getattr(context, "aws_request_id", ""))
    invocation = Invocation(request_id, source.value, cold=_Doors.cold)
    # awslambdaric sets it anew for each invocation.
    invocation.trace_id = trace_id_of(os.environ.get("_X_AMZN_TRACE_ID"))
    _Doors.cold = False
    with under_way(invocation):
        try:
            if source.is_http:
                return _http_door().answer(event, context)
            answer = _door_of(source, event).answer(event, context)
            require_carried(answer, MAX_REPLY_BYTES)
            invocation.status = 200
            return dict(answer)
        except Exception as error:  # noqa: BLE001 -- the boundary: the invoker gets it by name
            invocation.record_error(error)
            raise _fault_of(error) from None
        except BaseException as error:  # no reply may hide SystemExit and its like
            invocation.record_error(error)
            raise
        finally:
            write("\n".join(METRICS.lines(invocation) if METRICS else [invocation.line()]))
            if invocation.fatal:
                end_process()


def _fault_of(error: Exception) -> Exception:
    """Return an error as the invoker sees it: our name, a safe message, and no stack trace."""
    from awslambdaric.lambda_runtime_exception import FaultException

    fault: Exception = FaultException(name_of(error), detail_of(error), [])
    return fault
