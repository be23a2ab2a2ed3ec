"""The environments' rows: docs/contract.md 6.2, B15 and B18, 6.3 and 6.3.1."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

from tests.contract.clients import Facts
from tests.contract.rows import Bench, Rows
from tests.contract.target import MEMORY_MB, Running, Spec, done, invoked
from tests.infra.local.plain_http import Reply
from tests.infra.local.processes import require_namespaces

ROWS = Rows()

_RATE = {
    "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
    "Type": "User",
    "message": "Rate Exceeded.",
}


@ROWS.add("B15 throttled", answers=[("a", 200, None), ("b", 429, _RATE)])
def throttled(bench: Bench) -> Facts:
    """One call more than the reserved concurrency is refused; the one under way is not touched."""
    running = bench.start(Spec(concurrency=1))
    done(running, "who")
    first, second = _at_once(running)
    refusal = second.json if second and second.status == 429 else None
    return {
        "answers": [
            (_told(first).get("tag"), first.status if first else None, None),
            ("b", second.status if second else None, refusal),
        ]
    }


@ROWS.add("B15 concurrency", tags=["a", "b"], processes=2)
def concurrency(bench: Bench) -> Facts:
    """Two invocations at once each get their own answer, from two environments."""
    running = bench.start(Spec(concurrency=2))
    told = [_told(answer) for answer in _at_once(running)]
    return {
        "tags": [found.get("tag") for found in told],
        "processes": len({found["pid"] for found in told if "pid" in found}),
    }


def _at_once(running: Running) -> list[Reply | None]:
    """Invoke twice, the second time while the first runs; None where the emulator hung up."""

    def call(tag: str) -> Reply | None:
        try:
            return done(running, "wait", seconds=1.0, tag=tag)
        except (ConnectionError, http.client.HTTPException):
            return None

    with ThreadPoolExecutor(max_workers=2) as pool:
        first = pool.submit(call, "a")
        time.sleep(0.3)  # the function's own time: it works for a second
        second = pool.submit(call, "b")
        return [first.result(), second.result()]


def _told(answer: Reply | None) -> Facts:
    try:
        found = answer.json if answer else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@ROWS.add("B18 client goes away", next=200, ran_on=True)
def client_goes_away(bench: Bench) -> Facts:
    """The invocation of a client that gave up continues, and the next client is served."""
    running = bench.start(Spec(concurrency=2))
    pid = done(running, "who").json["pid"]
    try:
        body = json.dumps({"do": "wait", "seconds": 0.5}).encode()
        invoked(running, body, patience_s=0.2)
    except (TimeoutError, http.client.HTTPException):
        time.sleep(1.5)  # the function's own time, not the machine's
    after = done(running, "who")
    found = _told(after)
    return {"next": after.status, "ran_on": (found.get("pid"), found.get("calls")) == (pid, 3)}


@ROWS.add("B18 client tries again", tag="again")
def client_tries_again(bench: Bench) -> Facts:
    """A client that gave up and calls again, while its first invocation still runs, is served."""
    running = bench.start(Spec(concurrency=2))
    done(running, "who")
    with contextlib.suppress(TimeoutError):
        invoked(running, b'{"do": "wait", "seconds": 1}', patience_s=0.3)
    try:
        again = done(running, "wait", seconds=0.1, tag="again")
    except (ConnectionError, http.client.HTTPException):
        return {"tag": None}
    return {"tag": _told(again).get("tag")}


@ROWS.add("6.3.1 variables", planted=None, timeout=None, name="contract", home=None)
def variables(bench: Bench) -> Facts:
    """Nothing of the host's environment reaches the function."""
    with mock.patch.dict(os.environ, {"HOST_SECRET": "planted", "HOME": "/home/planted"}):
        found = done(bench.start(Spec()), "variables").json
    return {
        "planted": found.get("HOST_SECRET"),
        "home": found.get("HOME"),
        "name": found.get("AWS_LAMBDA_FUNCTION_NAME"),
        "timeout": found.get("AWS_LAMBDA_FUNCTION_TIMEOUT"),
    }


@ROWS.add("6.3 freeze", stood_still=True)
def freeze(bench: Bench) -> Facts:
    """Between two invocations no thread of the function runs."""
    running = bench.start(Spec())
    done(running, "tick")
    before = done(running, "ticks").json
    time.sleep(1.0)  # the function's thread counts every 10 ms unless it is frozen
    after = done(running, "ticks").json
    return {"stood_still": after - before <= 40}


@ROWS.add("6.3 memory limit", error="Unhandled", killed=True)
def memory_limit(bench: Bench) -> Facts:
    """A function that uses more memory than it has is killed."""
    answer = done(bench.start(Spec()), "fill", mb=MEMORY_MB + 100)
    told = answer.body.decode()
    return {
        "error": answer.headers.get("x-amz-function-error"),
        "killed": "signal: killed" in told,
    }


@ROWS.add("6.3 file system", root="EROFS", tmp_mb=512)
def file_system(bench: Bench) -> Facts:
    """The root is read-only, and /tmp has its own size; ours needs namespaces."""
    running = _isolated(bench)
    name = f"contract-{uuid.uuid4().hex}"
    try:
        found = done(running, "write", folder=_ELSEWHERE, name=name).json
        size = done(running, "place").json["tmp_mb"]
    finally:
        Path(_ELSEWHERE, name).unlink(missing_ok=True)
    is_own = size != _host_tmp_mb()
    return {
        "root": errno.errorcode[found["errno"]] if "errno" in found else "written",
        "tmp_mb": size if is_own else "the host's",
    }


@ROWS.add("6.3 user", user=1051)
def user(bench: Bench) -> Facts:
    """The function is a user of its own, without rights; ours needs namespaces."""
    found = done(_isolated(bench), "place").json["user"]
    return {"user": "the emulator's" if found == os.getuid() else found}


# Writable for everybody, and not /tmp.
_ELSEWHERE = "/var/tmp"


def _isolated(bench: Bench) -> Running:
    if bench.target.name == "lambake":
        require_namespaces()
    return bench.start(Spec(isolated=True))


def _host_tmp_mb() -> int:
    found = os.statvfs("/tmp")
    return found.f_blocks * found.f_frsize // 2**20
