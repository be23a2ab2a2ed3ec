"""The gateway: an ASGI application around one front. It reads, asks the front, invokes and answers.

Everything specific to a front is in `fronts`; waiting and reading bodies happens here.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from time import perf_counter

from starlette.types import ASGIApp, Receive, Scope, Send

from infra.local import contract
from infra.local.errors import Throttled
from infra.local.fronts.alb import ALB
from infra.local.fronts.authorization import refusal_of
from infra.local.fronts.front import Failure, Front
from infra.local.fronts.function_url import FUNCTION_URL
from infra.local.fronts.http_api import HTTP_API, HTTP_API_V1
from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import Base64Error, Response, ResultError, compact
from infra.local.fronts.rest_api import REST_API
from infra.local.fronts.visit import Visit
from infra.local.http.asgi import HEAD_EXTENSION, read_body, send_answer
from infra.local.http.connection import Limits, Refusal
from infra.local.invocation import InvokeRequest, InvokeResult, answering
from infra.local.watched import Answered, Asked, Watch, failure_of, unwatched
from infra.settings.errors import ConfigError
from infra.settings.front import FrontConfig

LOGGER = logging.getLogger(__name__)

Invoke = Callable[[InvokeRequest], Awaitable[InvokeResult]]

FRONTS: Mapping[str, Front] = {
    "http_api": HTTP_API,
    "http_api_v1": HTTP_API_V1,
    "rest_api": REST_API,
    "alb": ALB,
    "alb_multi": ALB,
    "function_url": FUNCTION_URL,
}

# Wider than any front's own limits, so that the front words its own refusals.
GATEWAY_LIMITS = Limits(
    header_bytes=2 * contract.ALB_HEAD_LIMIT_BYTES, body_bytes=contract.API_BODY_LIMIT_BYTES + 1
)

_REFUSALS = {
    408: Failure.SLOW_REQUEST,
    413: Failure.BODY_TOO_LARGE,
    431: Failure.HEAD_TOO_LARGE,
    503: Failure.BUSY,
}


def front_of(name: str) -> Front:
    """Find a front by its name.

    Raises:
        ConfigError: there is no front of that name.
    """
    if name not in FRONTS:
        raise ConfigError("front", f"one of {', '.join(FRONTS)}", name)
    return FRONTS[name]


def gateway_app(
    invoke: Invoke,
    settings: FrontConfig,
    front: str = "http_api",
    *,
    moment: Callable[[], Moment] = Moment.now,
    watch: Watch = unwatched,
) -> ASGIApp:
    """Put a front before a function.

    Args:
        invoke: hands an event to the function and waits for its result; it may raise Throttled.
        settings: the front's, in the function's account and region.
        front: one of FRONTS.
        moment: returns the time and ids of a request; tests inject it.
        watch: is told of each request.

    Raises:
        ConfigError: there is no such front, or its settings are wrong.
    """
    if front == "alb_multi":
        settings = settings.model_copy(update={"multi_value_headers": True})
    chosen = front_of(front)
    known = ("none", *chosen.authorizations)
    if settings.authorization not in known:
        expected = f"one of {', '.join(known)} for {front}"
        raise ConfigError("front_options.authorization", expected, settings.authorization)
    return _Gateway(invoke, settings, chosen, moment, watch)


def refusal_by(front: str) -> Callable[[int, str], Refusal]:
    """Word the host's own refusals like the front's (`refusal` of http/server.serving)."""
    chosen = front_of(front)

    def refusal(status: int, _reason: str) -> Refusal:
        response = chosen.failure(_REFUSALS.get(status, Failure.BAD_REQUEST))
        content_type = response.header("content-type") or "text/plain"
        return Refusal(response.status, content_type, response.body)

    return refusal


class _Gateway:
    """The application. Keeps invocations that outlive their request until they end."""

    def __init__(
        self,
        invoke: Invoke,
        config: FrontConfig,
        front: Front,
        moment: Callable[[], Moment],
        watch: Watch,
    ) -> None:
        self._invoke = invoke
        self._config = config
        self._front = front
        self._moment = moment
        self._watch = watch
        self._running: set[asyncio.Task[InvokeResult]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"expected an http scope, got {scope['type']}")
        read = await read_body(receive, contract.API_BODY_LIMIT_BYTES + 1)
        if read is None:
            return
        started, request_id = perf_counter(), str(uuid.uuid4())
        visit = self._front.visit(request_of(scope, read[0]), self._config, self._moment())
        self._watch(Asked(request_id))
        with answering() as answered:
            asked = InvokeRequest(
                b"", trace_id=visit.trace_id, request_id=request_id, answered=answered
            )
            response, why = await self._answer(visit, asked)
            answer = self._front.after(response, visit)
            headers = [(name.encode("ascii"), value.encode()) for name, value in answer.headers]
            await send_answer(send, answer.status, headers, answer.body, reason=answer.reason)
        self._watch(
            Answered(
                request_id=request_id,
                method=visit.request.method,
                path=visit.request.raw_path,
                status=answer.status,
                body=answer.body,
                why=why,
                ms=(perf_counter() - started) * 1e3,
            )
        )

    async def _answer(self, visit: Visit, asked: InvokeRequest) -> tuple[Response, str]:
        """Return the answer, and why it is not the function's."""
        front, request = self._front, visit.request
        if not request.raw_path.startswith("/"):
            return self._failure(Failure.BAD_REQUEST)
        early = front.before(visit) or refusal_of(front, visit)
        if early is not None:
            return early, ""
        payload = compact(front.event(visit)).encode()
        if len(payload) > contract.SYNC_REQUEST_LIMIT_BYTES:
            return self._failure(Failure.EVENT_TOO_LARGE)
        try:
            result = await self._result(replace(asked, payload=payload))
        except TimeoutError:
            return self._failure(Failure.TIMEOUT)
        except Throttled:
            return self._failure(Failure.THROTTLED)
        if result.function_error is not None:
            return self._failure(Failure.FUNCTION_ERROR, failure_of(result.payload))
        try:
            return front.response(result.payload, visit), ""
        except ResultError as error:
            LOGGER.warning("%s: the function's result is not a response: %s", front.name, error)
            bad_base64 = isinstance(error, Base64Error)
            kind = Failure.BAD_BASE64 if bad_base64 else Failure.BAD_RESULT
            return self._failure(kind, str(error))

    def _failure(self, kind: Failure, why: str = "") -> tuple[Response, str]:
        return self._front.failure(kind), why or kind.value

    async def _result(self, request: InvokeRequest) -> InvokeResult:
        """Wait for the result as long as the front would; the invocation continues after that."""
        task = asyncio.ensure_future(self._invoke(request))
        self._running.add(task)
        task.add_done_callback(self._ended)
        timeout_s = self._config.timeout_s or self._front.timeout_s
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
        if not done:
            raise TimeoutError
        return task.result()

    def _ended(self, task: asyncio.Task[InvokeResult]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOGGER.debug("an invocation failed", exc_info=task.exception())


def request_of(scope: Scope, body: bytes) -> Request:
    """Convert an ASGI scope to a request. Our own host adds the headers in the client's casing."""
    head = scope.get("extensions", {}).get(HEAD_EXTENSION)
    fields = head["fields"] if head is not None else scope["headers"]
    client = scope.get("client") or ("127.0.0.1", 0)
    server = scope.get("server") or ("127.0.0.1", 80)
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("ascii"),
        raw_query=scope["query_string"].decode("ascii"),
        fields=tuple((name.decode("ascii"), _text(value)) for name, value in fields),
        body=body,
        source_ip=client[0],
        port=server[1],
        scheme=scope.get("scheme", "http"),
        protocol=f"HTTP/{scope['http_version']}",
        head_bytes=head["size"] if head is not None else 0,
    )


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")  # [?] what the service makes of such bytes is unknown
