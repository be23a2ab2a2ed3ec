"""The HTTP door: every front's event is read once, straight into the ASGI scope.

`HttpExchange` is a custom handler for Mangum: guard and translation in one. Nothing of an event
reaches the application unless it is read and checked here; anything malformed raises
`MalformedError`, which the door answers with 400. It avoids the faults of Mangum's own handlers:
docs/contract.md 3.1, M1 to M19.
"""

from __future__ import annotations

import asyncio
import binascii
import logging
import re
import sys
from base64 import b64decode
from collections.abc import MutableMapping, Sequence, Sized
from contextlib import suppress
from itertools import chain
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urlencode

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from mangum.handlers.alb import case_mutated_headers
from mangum.handlers.utils import handle_base64_response_body
from mangum.types import ASGI, LambdaConfig, Response

from function.doors.sources import Source, source_of
from function.errors import MalformedError
from function.http.cors import with_cors
from function.http.problems import problem_response
from function.limits import MAX_ALB_REPLY_BYTES, MAX_REPLY_BYTES
from function.payloads import require_carried
from function.telemetry.invocation import current
from model.errors import Problem, kind_of

TEXT_TYPES: Final = [*DEFAULT_TEXT_MIME_TYPES, "application/problem+json", "image/svg+xml"]
"""Media types sent as text. All others are base64, which a REST API may show to the client (M9)."""

MAX_HEAD_CHARS: Final = 65_536
MAX_HEAD_ITEMS: Final = 1_000
"""
The longest path, query or header in characters, and the most headers or parameters. No front
lets more through (docs/contract.md 2.4), but a direct caller may send more, and each costs time.
"""

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HOST: Final = re.compile(r"[A-Za-z0-9._~-]{1,255}(:[0-9]{1,5})?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9$_.+!*'()~-]+)*")
"""The characters of stages and base paths: a prefix is written into pages, so no others occur."""

_UNSAFE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""Control characters in a header's value: a line break would start another header (M11)."""

_VERSION_2: Final = frozenset({Source.HTTP_API_V2, Source.FUNCTION_URL})
_DECODED_PATH: Final = frozenset({Source.HTTP_API_V2, Source.HTTP_API_V1})
"""The fronts that decode the path; the others send it as the client wrote it."""

# It logs the path of every request as the client wrote it.
logging.getLogger("mangum").setLevel(logging.CRITICAL)

Scope: TypeAlias = MutableMapping[str, Any]
Reply: TypeAlias = dict[str, Any]


class HttpDoor:
    """An ASGI application behind every HTTP front of Lambda."""

    def __init__(self, app: ASGI, *, base_path: str = "", cors_origins: Sequence[str] = ()) -> None:
        # Mangum asks for the thread's loop; since Python 3.12 asking does not create one (M17).
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._app = app
        self._app_with_cors: ASGI = with_cors(app, cors_origins)
        self._failure: BaseException | None = None
        self._mangum = Mangum(
            self._run,
            lifespan="off",
            api_gateway_base_path=base_path,
            text_mime_types=TEXT_TYPES,
            custom_handlers=[HttpExchange],
        )

    def close(self) -> None:
        """Close the loop; only tests need this."""
        asyncio.set_event_loop(None)
        self._loop.close()

    def answer(self, event: dict[str, Any], context: Any) -> Reply:
        """Answer one HTTP event, whatever is in it.

        Args:
            event: as the front sent it.
            context: awslambdaric's context.

        Returns:
            The reply in the shape that this front understands.
        """
        invocation = current()
        self._failure = None
        try:
            asyncio.set_event_loop(self._loop)
            reply = self._mangum(event, context)
            if self._failure:
                raise self._failure
        except Exception as error:  # noqa: BLE001 -- the boundary: it would be the front's 502
            invocation.record_error(error)
            answer = problem_response(error)
            response: Response = {
                "status": answer.status_code,
                "headers": [[*pair] for pair in answer.raw_headers],
                "body": bytes(answer.body),
            }
            reply = HttpExchange(event, context, self._mangum.config)(response)
        invocation.status = reply["statusCode"]
        return reply

    async def _run(self, scope: Scope, receive: Any, send: Any) -> None:
        """Run the application and keep what it raises: Mangum would answer by itself (M12)."""
        complete = False

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal complete
            await send(message)
            complete = message["type"] == "http.response.body" and not message.get("more_body")

        # A Function URL adds its headers to ours, and browsers refuse two of a kind; an HTTP API
        # drops ours, and the other fronts have none (docs/contract.md 2.4).
        of_front = scope["aws.source"] is Source.FUNCTION_URL
        app = self._app if of_front else self._app_with_cors
        try:
            await app(scope, receive, watched)
        except BaseException as error:
            # Starlette re-raises even errors that our handler has answered and recorded.
            if not complete:
                self._failure = error
            raise


class HttpExchange:
    """One request and its reply, as Mangum handles them: `infer`, `scope`, `body`, then the call.

    Source: docs/contract.md 3.1, M2 to M18; 6.5.1 for what each front sends.
    """

    def __init__(self, event: dict[str, Any], context: Any, config: LambdaConfig) -> None:
        self._event = event
        self._context = context
        self._config = config
        self._source = source_of(event)

    @classmethod
    def infer(cls, _event: dict[str, Any], _context: Any, _config: LambdaConfig) -> bool:
        """Accept every event: `function.entry` passes only HTTP events."""
        return True

    @property
    def scope(self) -> Scope:
        """The request as ASGI spells it: the path decoded once, headers in lower case, each once.

        Raises:
            MalformedError: names the part that is missing or malformed.
        """
        event, source = self._event, self._source
        context = event["requestContext"]
        of_version_2 = source in _VERSION_2
        method = context["http"].get("method") if of_version_2 else event.get("httpMethod")
        if not isinstance(method, str) or not _TOKEN.fullmatch(method):
            raise _malformed("method", "an HTTP method", "something else")
        root_path, path = _paths_of(event, source, self._config["api_gateway_base_path"])
        headers = _headers_of(event, source)
        host, _, port = headers.get("host", "lambda").partition(":")
        caller = context["http"] if of_version_2 else context.get("identity")
        client = caller.get("sourceIp") if isinstance(caller, dict) else None
        if source is Source.ALB:
            client = headers.get("x-forwarded-for")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "http_version": "1.1",
            "method": method.upper(),
            "scheme": headers.get("x-forwarded-proto", "https"),
            "server": (host, int(port or headers.get("x-forwarded-port", "80"))),
            "client": (client if isinstance(client, str) and client.isascii() else "", 0),
            "root_path": root_path,
            "path": root_path + path,
            "raw_path": None,
            "query_string": _query_of(event, source).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "aws.event": event,
            "aws.context": self._context,
            "aws.source": source,
        }

    @property
    def body(self) -> bytes:
        """The body as the client sent it; base64 is decoded strictly (M5)."""
        body = _text(self._event.get("body"), "body", sys.maxsize)
        encoded = self._event.get("isBase64Encoded") or False
        if not isinstance(encoded, bool):
            raise _malformed("isBase64Encoded", "true or false", kind_of(encoded))
        if not encoded:
            return body.encode()
        try:
            return b64decode(body, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise _malformed("body", "base64, as isBase64Encoded says", "something else") from exc

    def __call__(self, response: Response) -> Reply:
        """Return the reply in the shape that the front understands.

        Raises:
            ReplyTooLargeError: its JSON is larger than the front carries (M16).
        """
        lists: dict[str, list[str]] = {}
        for name, value in response["headers"]:
            text = value.decode("latin-1")
            if not _UNSAFE.search(text):
                lists.setdefault(name.decode("latin-1").lower(), []).append(text)
        content_type = {"content-type": lists.get("content-type", [""])[0]}
        body, encoded = handle_base64_response_body(
            response["body"], content_type, self._config["text_mime_types"]
        )
        reply = {"statusCode": response["status"], "body": body, "isBase64Encoded": encoded}
        reply |= self._headers_as_asked(lists)
        limit = MAX_ALB_REPLY_BYTES if self._source is Source.ALB else MAX_REPLY_BYTES
        # Escaped, a character takes twelve bytes at most, so most replies need no measuring.
        if len(body) > limit // 16:
            require_carried(reply, limit)
        return reply

    def _headers_as_asked(self, lists: dict[str, list[str]]) -> Reply:
        """Write a reply's headers as the front's payload format has them."""
        if self._source in _VERSION_2:
            cookies = lists.pop("set-cookie", [])
            headers = {name: ",".join(values) for name, values in lists.items()}
            # HTTP APIs add this one where there is none, for 204 too (M10).
            headers.setdefault("content-type", "application/json")
            return {"headers": headers} | ({"cookies": cookies} if cookies else {})
        if self._source is Source.ALB:
            if _takes_lists(self._event):
                return {"multiValueHeaders": lists}
            return {"headers": case_mutated_headers(lists)}
        many = {name: values for name, values in lists.items() if len(values) > 1}
        one = {name: values[0] for name, values in lists.items() if name not in many}
        return {"headers": one} | ({"multiValueHeaders": many} if many else {})


def _malformed(where: str, expected: str, got: str) -> MalformedError:
    return MalformedError([Problem(where, expected, got)])


def _text(value: Any, where: str, max_chars: int = MAX_HEAD_CHARS) -> str:
    """Require a string that UTF-8 can encode, by default of at most MAX_HEAD_CHARS; None is ""."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _malformed(where, "a text", kind_of(value))
    if len(value) > max_chars:
        raise _malformed(where, f"at most {max_chars} characters", "more")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            raise _malformed(where, "a text in UTF-8", "a lone surrogate") from exc
    return value


def _object_of(event: dict[str, Any], key: str) -> dict[str, Any]:
    """Return an object of the head; null or a missing one is empty."""
    value = event.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed(key, "an object", kind_of(value))
    _require_few(value, key)
    return value


def _require_few(items: Sized, where: str) -> None:
    if len(items) > MAX_HEAD_ITEMS:
        raise _malformed(where, f"at most {MAX_HEAD_ITEMS} of them", "more")


def _pairs_of(event: dict[str, Any], key: str, many_key: str, where: str) -> list[tuple[str, str]]:
    """Return headers or parameters as pairs, from the lists where the front sends lists."""
    many = _object_of(event, many_key)
    pairs: list[tuple[Any, Any]] = [] if many else [*_object_of(event, key).items()]
    for name, items in many.items():
        if not isinstance(items, list):
            raise _malformed(where, "lists of texts", kind_of(items))
        _require_few(items, where)
        pairs += [(name, item) for item in items]
    with suppress(TypeError):  # not texts: named below
        # Nearly every request passes this one check of all of them at once.
        whole = "".join(chain.from_iterable(pairs))
        if len(whole) <= MAX_HEAD_CHARS and whole.isascii():
            return pairs
    return [(_text(name, where), _text(value, where)) for name, value in pairs]


def _paths_of(event: dict[str, Any], source: Source, base_path: str) -> tuple[str, str]:
    """Split the decoded path into the prefix that the front adds and the application's own path."""
    key = "rawPath" if source in _VERSION_2 else "path"
    raw = _text(event.get(key), key) or "/"
    # Decoded once only: a remaining `%` means that it was encoded twice (M2).
    path = raw if source in _DECODED_PATH else unquote(raw)
    if "%" in path:
        raise _malformed("path", "a path without % once it is decoded", "one with it")
    path = path if path.startswith("/") else f"/{path}"
    context = event["requestContext"]
    root_path = ""
    prefixes = [base_path]
    if source in _DECODED_PATH:
        stage = _text(context.get("stage"), "requestContext.stage")
        prefixes.append("" if stage == "$default" else f"/{stage}")
    elif source is Source.REST_API:
        # `path` is without the stage, `requestContext.path` with it: `/docs` and `/prod/docs`.
        whole = _text(context.get("path"), "requestContext.path")
        if raw == "/":
            whole = f"{whole.rstrip('/')}/"
        root_path = unquote(whole.removesuffix(raw)).rstrip("/") if whole.endswith(raw) else ""
    for prefix in prefixes:
        # Cut at a segment's border: /api must not match /apiary (M3).
        if prefix.strip("/") and f"{path}/".startswith(f"{prefix}/"):
            root_path, path = root_path + prefix, path[len(prefix) :] or "/"
    if not _PREFIX.fullmatch(root_path):
        raise _malformed("requestContext", "a stage of letters and digits", "something else")
    return root_path, path


def _query_of(event: dict[str, Any], source: Source) -> str:
    """Return the query as a URL has it; a load balancer sends it in parts, still encoded (M18)."""
    if source in _VERSION_2:
        return _text(event.get("rawQueryString"), "rawQueryString")
    pairs = _pairs_of(event, "queryStringParameters", "multiValueQueryStringParameters", "query")
    if source is Source.ALB:
        return "&".join(f"{name}={value}" for name, value in pairs)
    return urlencode(pairs)


def _headers_of(event: dict[str, Any], source: Source) -> dict[str, str]:
    """Return the headers in lower case, repeats and cookies joined as browsers do (M6, M7)."""
    headers: dict[str, str] = {}
    repeats: dict[str, list[str]] = {}
    for mixed, value in _pairs_of(event, "headers", "multiValueHeaders", "headers"):
        name = mixed.lower()
        if name in headers:
            repeats.setdefault(name, [headers[name]]).append(value)
        else:
            headers[name] = value
    for name, values in repeats.items():
        headers[name] = ("; " if name == "cookie" else ", ").join(values)
    cookies = event.get("cookies") or []
    if not isinstance(cookies, list):
        raise _malformed("cookies", "a list of texts", kind_of(cookies))
    _require_few(cookies, "cookies")
    if cookies:
        headers["cookie"] = "; ".join(_text(cookie, "cookies") for cookie in cookies)
    # A Host or a port that cannot be parsed would end in a 502 (M4).
    for name, pattern, expected in (
        ("host", _HOST, "one host name, with a port or without"),
        ("x-forwarded-port", _PORT, "one port number"),
    ):
        if name in headers and not pattern.fullmatch(headers[name]):
            raise _malformed(name, expected, "something else")
    if source in (Source.REST_API, Source.HTTP_API_V1):
        # It may pass base64 on undecoded, so nothing is compressed for it.
        headers["accept-encoding"] = "identity"
    elif source is Source.ALB:
        # It carries 1 MB, which Swagger UI fits into only when compressed.
        headers.pop("accept-encoding", None)
    return headers


def _takes_lists(event: dict[str, Any]) -> bool:
    """Whether a load balancer expects `multiValueHeaders` in the reply: it does if it sent them."""
    return event.get("multiValueHeaders") is not None
