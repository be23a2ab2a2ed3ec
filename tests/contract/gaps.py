"""Where RIE differs from the service: docs/contract.md 1.5, as one table.

Each gap is asserted as a difference. The rows named here must fail on RIE in just the way that is
written down, so that a gap that RIE closes, or changes, shows as a failing test.

What needs RIE's own log to be seen, or a request that only RIE takes, is in test_rie_panics.py: the
empty Go cases of G19, and one more panic of G16. RIE has closed half of G16: a runtime that crashes
is started again at the next invocation (row "B6 recovery"; issue 9 asked for it), and init/error of
an allowed size is answered (row "A10 init error"; issue 35).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.contract import invoke_rows


@dataclass(frozen=True)
class Gap:
    """One difference in one row."""

    number: str  # in docs/contract.md 1.5; "new" where it is not listed there
    row: str
    why: str
    differs: dict[str, Any]


_NO_HEADER = "no X-Amz-Function-Error: an error looks like a result"
_STATUS_502 = "the end of the runtime is answered 502, and without X-Amz-Function-Error"


def _unmarshal(reason: str) -> dict[str, Any]:
    return {
        "errorMessage": f"Unable to unmarshal input: {reason}",
        "errorType": "Runtime.UnmarshalError",
        "requestId": "<id>",
        "stackTrace": [],
    }


_NOT_JSON = _unmarshal("Expecting value: line 1 column 1 (char 0)")
_NOT_UTF8 = _unmarshal("'utf-8' codec can't decode byte 0xff in position 1: invalid start byte")
_ARN = "arn:aws:lambda:us-east-1:012345678912:function:contract"
_TOO_LARGE = {
    "errorType": "Function.ResponseSizeTooLarge",
    "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
}
_WARM = ["REPORT RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used"]


def _ended(row: str) -> Gap:
    return Gap("G4", row, _STATUS_502, {"status": 502, "error": None})


GAPS: Final = [
    Gap("G1", "B1 method", "any method invokes", {"get": 200, "put": 200}),
    Gap(
        "G1",
        "B11 unknown function",
        "one fixed path; others are unknown to its router",
        {"type": None, "body": "404 page not found\n"},
    ),
    Gap("G2", "B2 raised", _NO_HEADER, {"error": None}),
    Gap(
        "G2",
        "A4 error",
        _NO_HEADER,
        {"invoker": {"status": 200, "error": None, "body": '{"errorType":1}'}},
    ),
    Gap("G2", "A7 too large", _NO_HEADER, {"invoker": (200, None, _TOO_LARGE)}),
    Gap(
        "G3",
        "B4 timeout",
        "a timeout is bare text with status 200",
        {"error": None, "body": "Task timed out after 3.00 seconds"},
    ),
    _ended("B3 init raised"),
    *map(_ended, invoke_rows.ENDS),
    _ended("B7 response too large"),
    Gap("G4", "A10 init error", _STATUS_502, {"invoker": (502, None, {"errorType": "Mine"})}),
    Gap(
        "G5",
        "B15 concurrency",
        "the second of two invocations at once ends the emulator, and the first with it",
        {"tags": [None, None], "processes": 0},
    ),
    Gap("G6", "B9 event", "an Event is run at once", {"status": 200, "body": 1}),
    Gap("G6", "B10 dry run", "a DryRun runs", {"status": 200, "body": {}, "calls": 2}),
    Gap(
        "G7",
        "B1 headers",
        "no version, no request id, no trace, and a content type of text",
        {
            "type": "text/plain; charset=utf-8",
            "version": None,
            "id_is_the_contexts": False,
            "trace": False,
        },
    ),
    Gap("G7", "B8 tail", "no Tail", {"kinds": [], "bytes": 0}),
    Gap(
        "G8",
        "B13 far too large",
        "what is above 6 MiB + 100 is cut off, so that the function sees broken JSON",
        {"status": 200, "type": "Runtime.UnmarshalError"},
    ),
    Gap(
        "G9",
        "B12 not JSON",
        "the runtime client is handed what is no JSON",
        {"status": 200, "type": None, "body": _NOT_JSON},
    ),
    Gap(
        "G9",
        "B12 not UTF-8",
        "the runtime client is handed what is no UTF-8",
        {"status": 200, "type": None, "body": _NOT_UTF8},
    ),
    Gap("G9", "B1 no body", "an empty body is handed over empty", {"body": json.dumps(_NOT_JSON)}),
    Gap(
        "G10",
        "B17 client context",
        "an empty 500",
        {"status": 500, "type": None, "body": ""},
    ),
    Gap("G11", "B1 context", "a fixed account in the ARN", {"arn": _ARN}),
    Gap(
        "G11",
        "6.1.1 headers",
        "a fixed account in the ARN; no trace id, not even the client's",
        {"arn": _ARN, "trace": False},
    ),
    Gap("G12", "6.4 memory", "Max Memory Used is Memory Size", {"measured": False}),
    Gap(
        "G12",
        "6.4 cold report",
        "Init Duration comes first",
        {"fields": [_WARM[0], "Init Duration", *_WARM[1:]]},
    ),
    Gap("G13", "6.4 order", "no INIT_START", {"kinds": ["START", "out", "END", "REPORT"]}),
    Gap("G13", "6.4 init report", "no INIT_REPORT", {"lines": []}),
    Gap("G14", "6.3 freeze", "nothing is frozen", {"stood_still": False}),
    Gap("G14", "6.3 memory limit", "memory is not limited", {"error": None, "killed": False}),
    Gap(
        "G14",
        "6.3 file system",
        "the function may write wherever the emulator may, and /tmp is the host's",
        {"root": "written", "tmp_mb": "the host's"},
    ),
    Gap("G14", "6.3 user", "the function is the emulator's user", {"user": "the emulator's"}),
    Gap(
        "G15",
        "6.3.1 variables",
        "the whole environment of the host is passed on",
        {"planted": "planted", "home": "/home/planted", "timeout": "20"},
    ),
    Gap(
        "G16",
        "A7 error too large",
        "its handler panics: nobody is answered, and the invocation times out",
        {"reply": None, "invoker": (200, None, "Task timed out after 5.00 seconds")},
    ),
    Gap(
        "G16",
        "A10 init error too large",
        "it panics outside of any handler, which ends the emulator",
        {"invoker": None, "serves_on": False},
    ),
    Gap(
        "G17",
        "B15 throttled",
        "no throttling: it ends as in G5",
        {"answers": [(None, None, None), ("b", None, None)]},
    ),
    Gap("G18", "B18 client tries again", "a client's retry ends the emulator", {"tag": None}),
    Gap(
        "G19",
        "B4 init outlasts the call",
        "that the invocation is not reserved any more is passed over: a normal REPORT, and 200",
        {"error": None, "body": "Task timed out after 1.00 seconds", "report": "none"},
    ),
    Gap(
        "new",
        "A8 truncated",
        "a connection whose body ends early is dropped unanswered, and the invocation times out",
        {"reply": None, "invoker": (200, None, "Task timed out after 5.00 seconds")},
    ),
    Gap(
        "new",
        "A9 response mode",
        "it stays in InvocationResponse: `next` is refused, and the invocation times out",
        {"invoker": (200, None, "Task timed out after 5.00 seconds"), "next_waits": False},
    ),
    Gap(
        "new",
        "A12 content type",
        "404 is text, 405 has no content type",
        {"path": "text/plain; charset=utf-8", "method": None},
    ),
]
