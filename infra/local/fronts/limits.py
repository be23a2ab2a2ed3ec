"""
Every constant of the fronts, each with its mark and source.

Marks: [REC] recorded on real AWS; [DOC] AWS documentation; [3P] third-party report; [?] uncertain.
"""

from __future__ import annotations

from typing import Final

# --- API Gateway -------------------------------------------------------------------------------

# [DOC] "Total combined size of request line and header values: 10240 bytes", HTTP and REST APIs.
# Which status answers more is not documented: 431 here [?].
API_HEAD_LIMIT_BYTES: Final = 10_240
API_BODY_LIMIT_BYTES: Final = 10 * 1024 * 1024  # [DOC] "Payload size: 10 MB"
EVENT_LIMIT_BYTES: Final = 6_291_456  # [3P] Lambda's request limit bites before the 10 MB: 413
HTTP_API_TIMEOUT_S: Final = 30.0  # [DOC] "Maximum integration timeout: 30 seconds"
REST_API_TIMEOUT_S: Final = 29.0  # [DOC] 29 seconds by default

# [3P] ministack PR #766, verified on AWS: these reach the function as text, all others as base64.
TEXT_TYPES: Final = ("application/json", "application/xml", "application/javascript")

# [DOC] api-gateway-known-issues: what an integration may not set comes back under another name.
# Connection, Transfer-Encoding and the like are dropped instead (hop-by-hop).
REMAPPED_HEADERS: Final = frozenset(
    {
        "authorization",
        "content-length",
        "content-md5",
        "date",
        "expect",
        "host",
        "max-forwards",
        "server",
        "user-agent",
        "www-authenticate",
    }
)
REMAPPED_PREFIX: Final = "x-amzn-Remapped-"  # [DOC]

# --- Application Load Balancer -----------------------------------------------------------------

ALB_HEADER_LINE_LIMIT_BYTES: Final = 16 * 1024  # [DOC] "Request headers: 16 K per line"
ALB_HEAD_LIMIT_BYTES: Final = 64 * 1024  # [DOC] "Entire request header: 64 K" -> 400
ALB_BODY_LIMIT_BYTES: Final = 1024 * 1024  # [DOC] request to a Lambda target: 1 MB -> 413
ALB_RESPONSE_LIMIT_BYTES: Final = 1024 * 1024  # [DOC] the response JSON: 1 MB -> 502
ALB_FORWARDED_LIMIT: Final = 30  # [DOC] more than 30 addresses in X-Forwarded-For -> 463

# --- Function URL ------------------------------------------------------------------------------

URL_BODY_LIMIT_BYTES: Final = 6 * 1024 * 1024  # [DOC] 6 MB buffered -> 413

# --- HTTP --------------------------------------------------------------------------------------

# [DOC] RFC 9110 section 7.6.1, and Keep-Alive and Proxy-Connection, which everyone drops too.
HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# The server's own limits are wider, so that the front words its own refusal up to there.
SERVER_HEAD_LIMIT_BYTES: Final = 128 * 1024
SERVER_BODY_LIMIT_BYTES: Final = API_BODY_LIMIT_BYTES + 1
