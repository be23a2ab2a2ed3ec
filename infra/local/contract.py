"""Every constant of the service that the emulator relies on, with its mark and source.
The limits of a function's settings are in infra/settings/limits.py.

Marks: [REC] recorded on real AWS; [DOC] AWS documentation or the botocore model; [RIE] source of
the runtime interface emulator; [RIC] observed with awslambdaric; [3P] third-party report; [?]
uncertain.
"""

from __future__ import annotations

from typing import Final

# --- Runtime API ---------------------------------------------------------------------------------

RUNTIME_API_PREFIX: Final = "/2018-06-01"  # [RIE] router.go
EXTENSION_API_PREFIXES: Final = (
    "/2020-01-01/",
    "/2020-08-15/",
    "/2022-07-01/",
)  # [DOC] not emulated

RESPONSE_LIMIT_BYTES: Final = 6 * 1024 * 1024 + 100  # [REC] test_lambda_too_large_response; [RIE]
# [RIC] awslambdaric sends the X-Ray cause as a header of up to 1 MiB; larger ones it drops itself.
RUNTIME_HEADERS_LIMIT_BYTES: Final = 2 * 1024 * 1024

# [RIC] exactly this, without a charset: with one the handler receives raw bytes, and a reply of
# `next` without any Content-Type ends the runtime client with SIGSEGV.
RUNTIME_CONTENT_TYPE: Final = "application/json"

# --- Invoke API ----------------------------------------------------------------------------------

INVOKE_API_PREFIX: Final = "/2015-03-31/functions/"  # [DOC] botocore lambda/2015-03-31
# [3P] no +100 here: the two limits differ. It applies before API Gateway's 10 MB: 413.
SYNC_REQUEST_LIMIT_BYTES: Final = 6 * 1024 * 1024
TOO_LARGE_HINT: Final = (
    "Lambda takes 6 MB (about 4.5 of binary data), a load balancer 1 MB: "
    "resize the picture, send less at a time, or put the file into a bucket"
)
"""What the service does not say with its 413: the emulator adds it as `hint`."""
EVENT_REQUEST_LIMIT_BYTES: Final = 1_048_576  # [DOC] 262,144 before October 2025
CLIENT_CONTEXT_LIMIT_BYTES: Final = 3_583  # [DOC] of the base64 text; how more is refused: [?]
LOG_TAIL_BYTES: Final = 4_096  # [DOC] X-Amz-Log-Result
FUNCTION_NAME_LIMIT: Final = 64  # [DOC]
FUNCTION_ARN_LIMIT: Final = 140  # [DOC]
INVOCATION_TYPES: Final = (
    "Event",
    "RequestResponse",
    "DryRun",
)  # [DOC] order as botocore prints it
LOG_TYPES: Final = ("None", "Tail")  # [DOC]

THROTTLED_BY_RESERVED: Final = "ReservedFunctionConcurrentInvocationLimitExceeded"  # [REC]
THROTTLED_BY_ACCOUNT: Final = "ConcurrentInvocationLimitExceeded"  # [DOC] enum ThrottleReason
THROTTLED_BY_RATE: Final = "FunctionInvocationRateLimitExceeded"  # [DOC] enum ThrottleReason

# --- HTTP fronts ---------------------------------------------------------------------------------

# [DOC] "Total combined size of request line and header values: 10240 bytes", HTTP and REST APIs.
# The status for a larger one is not documented: 431 here [?].
API_HEAD_LIMIT_BYTES: Final = 10_240
API_BODY_LIMIT_BYTES: Final = 10 * 1024 * 1024  # [DOC] "Payload size: 10 MB"
HTTP_API_TIMEOUT_S: Final = 30.0  # [DOC] "Maximum integration timeout: 30 seconds"
REST_API_TIMEOUT_S: Final = 29.0  # [DOC] 29 seconds by default
ALB_HEADER_LINE_LIMIT_BYTES: Final = 16 * 1024  # [DOC] "Request headers: 16 K per line"
ALB_HEAD_LIMIT_BYTES: Final = 64 * 1024  # [DOC] "Entire request header: 64 K" -> 400
ALB_BODY_LIMIT_BYTES: Final = 1024 * 1024  # [DOC] request to a Lambda target: 1 MB -> 413
ALB_RESPONSE_LIMIT_BYTES: Final = 1024 * 1024  # [DOC] the response JSON: 1 MB -> 502
ALB_FORWARDED_LIMIT: Final = 30  # [DOC] more than 30 addresses in X-Forwarded-For -> 463
URL_BODY_LIMIT_BYTES: Final = SYNC_REQUEST_LIMIT_BYTES  # [DOC] Function URL: 6 MB -> 413

# [3P] ministack PR #766, verified on AWS: these reach the function as text, all others as base64.
TEXT_TYPES: Final = ("application/json", "application/xml", "application/javascript")
# [DOC] api-gateway-known-issues: what an integration may not set is returned under another name.
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
# [DOC] RFC 9110 section 7.6.1, and Keep-Alive and Proxy-Connection, which everyone also drops.
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

# --- Asynchronous invocation ---------------------------------------------------------------------

EVENT_RETRY_DELAYS_S: Final = (60.0, 120.0)  # [REC] after the first and the second function error
THROTTLE_BACKOFF_FIRST_S: Final = 1.0  # [DOC] exponential from 1 s ...
THROTTLE_BACKOFF_LIMIT_S: Final = 300.0  # [DOC] ... to 5 minutes
DEAD_LETTER_MESSAGE_LIMIT_BYTES: Final = 1_024  # [DOC] ErrorMessage attribute: the first 1 KB

# --- Lifecycle -----------------------------------------------------------------------------------

LONG_INIT_LIMIT_S: Final = (
    130.0  # [DOC] provisioned concurrency, SnapStart: or the timeout if larger
)
RESTORE_LIMIT_S: Final = 10.0  # [DOC] SnapStart: loading the runtime and the after-restore hooks
OPEN_FILES_LIMIT: Final = 1_024  # [REC] RLIMIT_NOFILE
PROCESSES_LIMIT: Final = 1_024  # [DOC] recorded as 742; RLIMIT_NPROC, only inside a namespace
SHUTDOWN_INTERNAL_S: Final = 0.5  # [DOC] with an internal extension
SHUTDOWN_RUNTIME_S: Final = 0.3  # [RIE] shutdown.go: the runtime's own share of 2 s

# --- Error names ---------------------------------------------------------------------------------

EXIT_ERROR: Final = "Runtime.ExitError"  # [REC]
OUT_OF_MEMORY: Final = "Runtime.OutOfMemory"  # [3P] in the REPORT line only [?]
TIMED_OUT: Final = "Sandbox.Timedout"  # [REC] 25 Nov 2025; RIE writes Sandbox.Timeout
RESPONSE_TOO_LARGE: Final = "Function.ResponseSizeTooLarge"  # [REC]
TRUNCATED_RESPONSE: Final = "Runtime.TruncatedResponse"  # [RIE]
INVALID_RESPONSE_MODE: Final = "Runtime.InvalidResponseModeHeader"  # [RIE]
# [RIE] in metrics; that REPORT and INIT_REPORT name them too is assumed [?].
UNKNOWN_FUNCTION_ERROR: Final = "Function.Unknown"
UNKNOWN_RUNTIME_ERROR: Final = "Runtime.Unknown"
ERROR_TYPE_PATTERN: Final = r"(Runtime|Function)\.[A-Z][a-zA-Z]+"  # [RIE] fatalerror.go

# --- The process's environment [REC] python3.14, 18 Feb 2026 --------------------------------------

LAMBDA_PATH: Final = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
RUNTIME_DIR: Final = "/var/runtime"
TASK_ROOT: Final = "/var/task"
XRAY_DAEMON: Final = ("169.254.100.1", "2000")  # [REC] the address inside the sandbox
