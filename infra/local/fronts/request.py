"""One HTTP request as received, and the parts of it that several fronts read."""

from __future__ import annotations

import base64
import logging
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from infra.local import contract

LOGGER = logging.getLogger(__name__)

Pair = tuple[str, str]
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Request:
    """A request; nothing is decoded.

    Args:
        raw_path: the path's bytes as ASCII, escapes as sent, with the stage, without the host.
        raw_query: everything after the first "?", or "".
        fields: headers in order, case and repeats as sent, without surrounding blanks.
        head_bytes: size of request line and headers on the wire.
    """

    method: str
    raw_path: str
    raw_query: str = ""
    fields: tuple[Pair, ...] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    port: int = 80
    scheme: str = "http"
    protocol: str = "HTTP/1.1"
    head_bytes: int = 0

    def values(self, name: str) -> list[str]:
        """Return a header's values, by its lower-case name."""
        return [value for key, value in self.fields if key.lower() == name]

    def header(self, name: str) -> str | None:
        """Return a header's last value, by its lower-case name."""
        values = self.values(name)
        return values[-1] if values else None

    @property
    def domain(self) -> str:
        """The host without its port, as the service's `domainName`."""
        host = self.header("host") or "localhost"
        if host.startswith("["):
            return host.partition("]")[0] + "]"
        return host.partition(":")[0]

    @property
    def forwarded_for(self) -> str:
        """X-Forwarded-For with this client's address appended."""
        return ", ".join([*self.values("x-forwarded-for"), self.source_ip])


@dataclass(frozen=True)
class Moment:
    """When a request was received and its ids: everything that does not follow from the request."""

    now_s: float
    uuid: str
    short_id: str
    trace_id: str

    @classmethod
    def now(cls) -> Moment:
        """Return the current time with fresh ids."""
        now_s = time.time()
        return cls(
            now_s=now_s,
            uuid=str(uuid.uuid4()),
            short_id=base64.b64encode(secrets.token_bytes(11)).decode("ascii"),
            trace_id=f"Root=1-{int(now_s):08x}-{secrets.token_hex(12)}",
        )

    @property
    def epoch_ms(self) -> int:
        """The Unix time in milliseconds."""
        return int(self.now_s * 1000)

    @property
    def text(self) -> str:
        """The time in the format of access logs: 10/Jul/2026:19:19:05 +0000."""
        at = time.gmtime(self.now_s)
        clock = f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}"
        return f"{at.tm_mday:02}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year}:{clock} +0000"


def decoded_path(raw_path: str) -> str:
    """Decode a path once. Invalid escapes stay; bytes that are not UTF-8 become U+FFFD [?]."""
    return unquote(raw_path, errors="replace")


def query_pairs(raw_query: str, *, decode: bool = True) -> list[Pair]:
    """Split a query into names and values, in order. Empty pieces are skipped [?]."""
    pairs = []
    for piece in raw_query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)) if decode else (name, value))
    return pairs


def joined(pairs: Sequence[Pair]) -> dict[str, str]:
    """Map names to values, repeats joined by a comma without a space.

    Source: [REC] voker: `repeat=one&repeat=two` is "one,two", headers likewise.
    """
    lists = listed(pairs)
    return {name: ",".join(values) for name, values in lists.items()}


def listed(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """Map names to all their values."""
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


def body_of(request: Request, *, binary: bool) -> str:
    """Return the body as an event carries it. Text loses bytes that are not UTF-8, as on AWS.

    Such a loss is logged: there it shows in the function only.
    """
    if binary:
        return base64.b64encode(request.body).decode("ascii")
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        LOGGER.warning(
            "%s %s: the body is text by its content type, but byte %d is not UTF-8: the function"
            " gets U+FFFD, as on AWS (a REST API needs front_options.binary_media_types)",
            *(request.method, request.raw_path, error.start),
        )
        return request.body.decode("utf-8", errors="replace")


def is_text(content_type: str | None) -> bool:
    """Whether HTTP API, Function URL [?] and ALB pass a body of this type as text.

    Source: docs/contract.md 2.2. No content type means binary.
    """
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in contract.TEXT_TYPES


def is_binary(request: Request) -> bool:
    """Whether an HTTP API or a Function URL passes the body as base64."""
    return bool(request.body) and not is_text(request.header("content-type"))


def without_hops(fields: Sequence[Pair], *also: str) -> list[Pair]:
    """Return the headers without those that concern one connection only, and those in `also`."""
    dropped = contract.HOP_BY_HOP.union(also)
    return [(name, value) for name, value in fields if name.lower() not in dropped]
