"""
The HTTP door: guard -> Mangum (lifespan off) -> guard.

Mangum turns an event into an ASGI call and back. What it does wrong, docs/contract.md 3.1,
M1 to M19, is corrected around it: the event that it gets is clean (http_events.py), and the reply
that it gives is checked here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import MutableMapping
from typing import Any, Final, TypeAlias

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from mangum.types import ASGI

from function.doors.http_events import ROOT_PATH, clean_event, takes_lists
from function.doors.sources import Source
from function.errors import ReplyTooLargeError
from function.http.app import PROBLEM_JSON, problem_of
from function.settings import MAX_ALB_REPLY_BYTES, MAX_REPLY_BYTES
from function.telemetry.invocation import CURRENT

TEXT_TYPES: Final = [*DEFAULT_TEXT_MIME_TYPES, "application/problem+json", "image/svg+xml"]
"""What goes out as text. All else is base64, which a REST API may show to the client (M9)."""

_FAILURE: Final = "lambake.failure"
"""The key under which a clean event brings back what the application raised."""

# It logs the path of every request, in the client's own words.
logging.getLogger("mangum").setLevel(logging.CRITICAL)

Scope: TypeAlias = MutableMapping[str, Any]
Reply: TypeAlias = dict[str, Any]


class HttpDoor:
    """An ASGI application behind every HTTP front of Lambda."""

    def __init__(self, app: ASGI, *, base_path: str = "") -> None:
        # Mangum asks for the thread's loop, and from Python 3.12 on asking makes none (M17).
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._mangum = Mangum(_under_root_path(app), lifespan="off", text_mime_types=TEXT_TYPES)
        self._base_path = base_path

    def close(self) -> None:
        """Close the loop; only tests need to."""
        asyncio.set_event_loop(None)
        self._loop.close()

    def answer(self, event: dict[str, Any], context: Any, source: Source) -> Reply:
        """
        Answer one HTTP event, whatever is in it.

        Args:
            event: as the front sent it.
            context: awslambdaric's context.
            source: one of the HTTP sources.

        Returns:
            The reply in the shape that this front understands.
        """
        try:
            clean = clean_event(event, source, base_path=self._base_path)
            asyncio.set_event_loop(self._loop)
            reply = self._mangum(clean, context)
            if _FAILURE in clean:
                raise clean[_FAILURE]
            limit = MAX_ALB_REPLY_BYTES if source is Source.ALB else MAX_REPLY_BYTES
            reply = _checked(reply, limit)
        except Exception as error:  # noqa: BLE001 -- the boundary: it would be the front's 502
            invocation = CURRENT.get()
            if invocation:
                invocation.record_error(error)
            reply = _problem_reply(error, event, source)
        invocation = CURRENT.get()
        if invocation:
            invocation.status = reply["statusCode"]
        return reply


def _under_root_path(app: ASGI) -> ASGI:
    """
    Tell the application under which prefix it is reached, and keep for us what it raises: Mangum
    would answer by itself (M12).
    """

    async def wrapped(scope: Scope, receive: Any, send: Any) -> None:
        root_path = scope["aws.event"][ROOT_PATH]
        scope["root_path"] = root_path
        scope["path"] = root_path + scope["path"]
        complete = False

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal complete
            await send(message)
            complete = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await app(scope, receive, watched)
        except BaseException as error:
            # Starlette raises even what our handler has answered and recorded.
            if not complete:
                scope["aws.event"][_FAILURE] = error
            raise

    return wrapped


def _checked(reply: Reply, max_bytes: int) -> Reply:
    """
    Hold a reply against what the front carries and what a header may be (M11, M16).

    Raises:
        ReplyTooLargeError: as JSON it is beyond the limit.
    """
    # Escapes make one character twelve bytes at most, so most replies need no measuring.
    if len(reply["body"]) > max_bytes // 16:
        size = len(json.dumps(reply))
        if size > max_bytes:
            raise ReplyTooLargeError(
                f"expected an answer of at most {max_bytes} bytes, got {size}: "
                "ask for fewer instances at a time"
            )
    for key in ("headers", "multiValueHeaders"):
        if key in reply:
            reply[key] = {name: value for name, value in reply[key].items() if _is_safe(value)}
    return reply


_UNSAFE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _is_safe(value: str | list[str]) -> bool:
    """
    Whether a header's value holds no control character, which
    could start a header of its own.
    """
    values = value if isinstance(value, list) else [value]
    return not any(_UNSAFE.search(one) for one in values)


def _problem_reply(error: Exception, event: dict[str, Any], source: Source) -> Reply:
    """Spell an error as this front's reply, without the application."""
    problem = problem_of(error)
    reply: Reply = {
        "statusCode": problem["status"],
        "body": json.dumps(problem, separators=(",", ":")),
        "isBase64Encoded": False,
    }
    if source is Source.ALB and takes_lists(event):
        return reply | {"multiValueHeaders": {"content-type": [PROBLEM_JSON]}}
    return reply | {"headers": {"content-type": PROBLEM_JSON}}
