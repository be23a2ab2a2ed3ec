"""What no runtime should do, and functions do all the same: docs/contract.md 1.5, G16 and G19."""

from __future__ import annotations

import contextlib
import http.client

from tests.contract.clients import Facts, failure
from tests.contract.puppeteer import PREFIX, Wire, fetched, puppet
from tests.contract.rows import Bench, Rows, reports, until
from tests.contract.target import ACTS, Running, Spec, invoked
from tests.infra.local.plain_http import Reply

ROWS = Rows()

_ABOVE = 6 * 1024 * 1024 + 101
_TOO_LARGE = (413, "RequestEntityTooLarge")
_TOLD = (200, "Unhandled", "Function.ResponseSizeTooLarge")
_GONE = (ConnectionError, http.client.HTTPException)


@ROWS.add("A7 error too large", reply=_TOO_LARGE, invoker=_TOLD, serves_on=True)
def error_too_large(bench: Bench) -> Facts:
    """An error above the limit of a response is refused as one, and the invoker is told."""
    with puppet(bench, timeout_s=5) as (held, wire):
        reply = _posted(wire, f"{fetched(wire)}/error")
        with contextlib.closing(held.connect()) as second:
            invoker = _told(held.answered(second))
        return {"reply": reply, "invoker": invoker, "serves_on": _answers(held.running)}


@ROWS.add("A10 init error too large", invoker=_TOLD, serves_on=True)
def init_error_too_large(bench: Bench) -> Facts:
    """So is an init error, and again when it is repeated; the service's words are unknown [?]."""
    with puppet(bench, timeout_s=5) as (held, wire):
        _posted(wire, f"{PREFIX}/init/error")
        held.leave()
        try:
            again = held.reborn()
            if again:
                with contextlib.closing(again):
                    _posted(again, f"{PREFIX}/init/error")
                held.leave()
            invoker = _told(held.invocation.result())
        except _GONE:
            invoker = None
        return {"invoker": invoker, "serves_on": _answers(held.running)}


@ROWS.add(
    "B4 init outlasts the call",
    status=200,
    error="Unhandled",
    body="Sandbox.Timedout",
    report="Status: timeout",
)
def init_outlasts_the_call(bench: Bench) -> Facts:
    """An init that takes longer than the function may is a timeout, and is reported as one."""
    plan = bench.folder / "plan"
    plan.write_text("hang 30\n" * 2)
    environment = {"PLAN_FILE": str(plan)}
    running = bench.start(
        Spec(ACTS, "init_fails.handler", timeout_s=1, init_limit_s=0.5, environment=environment)
    )
    status, error, body = failure(invoked(running))
    report = reports(until(running, lambda log: len(reports(log)) == 1))[0]
    found = [field for field in report.split("\t") if field.startswith("Status")]
    return {
        "status": status,
        "error": error,
        "body": body["errorType"] if isinstance(body, dict) else body,
        "report": found[0] if found else "none",
    }


def _posted(wire: Wire, path: str) -> tuple[int, str | None] | None:
    """Post a byte too many; None where the emulator hung up."""
    try:
        reply = wire.call("POST", path, b"1" * _ABOVE)
    except _GONE:
        return None
    return reply.status, reply.json.get("errorType")


def _told(answer: Reply) -> tuple[int, str | None, object]:
    status, error, body = failure(answer)
    return status, error, body.get("errorType") if isinstance(body, dict) else body


def _answers(running: Running) -> bool:
    """Whether the emulator is still there: it knows that some paths are not its own."""
    try:
        return invoked(running, path="/nowhere").status == 404
    except _GONE:
        return False
