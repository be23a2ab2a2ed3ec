"""What only RIE's own log shows, or only RIE lets a client ask: docs/contract.md 1.5, G16 and G19.

A gap that RIE closes shows up here: each test asserts the fault itself.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.contract.puppeteer import NEXT, PREFIX, puppet
from tests.contract.rie_target import RieRunning, RieTarget, require_rie
from tests.contract.rows import Bench, reports, until
from tests.contract.target import ACTS, Running, Spec, invoked

# Which of the two it is depends on whether the reset or the call gets to the reservation first.
NOT_RESERVED = ("FastInvoke() error: NotReserved", "FastInvoke() error: InvokeReservationDone")
NO_SERVER = "Invalid state, cannot access interop server"


def unreserved(log: list[str]) -> bool:
    """Tell whether RIE has logged that the call's reservation was gone."""
    return any(line.endswith(NOT_RESERVED) for line in log)


class Talkative(RieTarget):
    """Start the binary so that it logs everything."""

    def start(self, spec: Spec) -> Running:
        """Serve a function."""
        require_rie()
        return RieRunning(spec, log_level="debug")


def test_not_reserved_ends_in_a_normal_report_and_200(tmp_path: Path) -> None:
    """Gap 19: the init outlives the call, and nobody is told that the reservation is gone."""
    plan = tmp_path / "plan"
    plan.write_text("hang 30")
    spec = Spec(ACTS, "init_fails.handler", timeout_s=1, environment={"PLAN_FILE": str(plan)})
    with contextlib.closing(Talkative().start(spec)) as running:
        answer = invoked(running)
        assert unreserved(until(running, unreserved))
        assert (answer.status, answer.headers.get("x-amz-function-error")) == (200, None)
        (report,) = reports(until(running, lambda log: bool(reports(log))))
        assert "Status" not in report
        assert "Error Type" not in report


def test_a_call_that_ends_well_is_reserved(tmp_path: Path) -> None:
    """Proof that the line above means something: it is absent when nothing went wrong."""
    with contextlib.closing(Talkative().start(Spec())) as running:
        assert invoked(running, b'{"a": 1}').json == {"a": 1}
        log = until(running, lambda log: bool(reports(log)))
    assert not unreserved(log)


def test_the_right_id_before_the_first_next_panics(tmp_path: Path) -> None:
    """Gap 16: 403 at the service (A6); RIE's handler panics, and the runtime is hung up on.

    RIE lets the client choose the id, so that it is known before the runtime has fetched it. Ours
    does not; its 403 is in tests/infra/local/runtime/test_api.py.
    """
    bench = Bench(Talkative(), shared=None, folder=tmp_path)  # type: ignore[arg-type]
    chosen = "11111111-2222-4333-8444-555555555555"
    with puppet(bench, headers={"X-Amzn-RequestId": chosen}) as (held, wire):
        for kind in ("response", "error"):
            with contextlib.closing(held.connect()) as own:
                try:
                    reply = own.call("POST", f"{PREFIX}/invocation/{chosen}/{kind}", b"1")
                except ConnectionError:
                    reply = None
            assert reply is None, f"gap 16 has changed or is closed: {reply}"
        assert sum(NO_SERVER in line for line in held.running.logs()) >= 2
        # And it recovers: the runtime can go on.
        assert wire.call("GET", NEXT).headers["lambda-runtime-aws-request-id"] == chosen
        assert wire.call("POST", f"{PREFIX}/invocation/{chosen}/response", b"1").status == 202
        assert held.answered(wire).body == b"1"
