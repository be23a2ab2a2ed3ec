"""The load programs for seconds instead of minutes: their judgements are tested, not figures."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.contract.rie_target import require_rie
from tests.infra.local.processes import sandboxed_processes
from tests.load import clients, soak, warm_call
from tests.load.client import Connection, Tally, ask
from tests.load.series import Sample

Reply = Callable[[str], bytes]

ERROR = "X-Amz-Function-Error"


@pytest.fixture(autouse=True, scope="module")
def nothing_left() -> Iterator[None]:
    """Fail if a program leaves a process behind."""
    yield
    left = [pid for name in ("load", "quick", "warm") for pid in sandboxed_processes(name)]
    assert left == []


def http(status: int, body: bytes, *fields: str) -> bytes:
    """Write an answer."""
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


def sha256_of(data: str) -> bytes:
    """Answer as the echo function does."""
    return json.dumps({"sha256": hashlib.sha256(data.encode()).hexdigest()}).encode()


@asynccontextmanager
async def server(reply: Reply) -> AsyncIterator[str]:
    """Serve as an emulator that answers as a test wants."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        asked = json.loads(await reader.readexactly(length))
        writer.write(reply(asked.get("data", "")))
        writer.close()
        await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("reply", "seen"),
    [
        (lambda data: http(200, sha256_of(data)), (1, 0, 0, 0, 0)),
        (lambda _: http(429, b"{}"), (0, 1, 0, 0, 0)),
        (lambda data: http(200, sha256_of(data + "x")), (0, 0, 1, 0, 0)),
        (lambda _: http(502, b"no"), (0, 0, 0, 1, 0)),
        (lambda _: http(200, b"no JSON"), (0, 0, 0, 1, 0)),
        (lambda data: http(200, sha256_of(data), f"{ERROR}: Unhandled"), (0, 0, 0, 1, 0)),
        (lambda _: b"", (0, 0, 0, 0, 1)),
        (lambda data: http(200, sha256_of(data))[:-1], (0, 0, 0, 0, 1)),
    ],
    ids=["right", "throttled", "mixed up", "502", "no JSON", "error", "no answer", "half"],
)
def test_the_client_knows_a_wrong_answer(reply: Reply, seen: tuple[int, ...]) -> None:
    """The positive control of the load: another's answer, an error and silence are each counted."""
    tally = Tally()

    async def once() -> bool:
        async with server(reply) as url:
            connection = Connection(url)
            throttled = await ask(connection, "/", tally)
            await connection.close()
            return throttled

    throttled = asyncio.run(once())
    counted = (tally.answered, tally.throttled, tally.mixed_up, tally.failed, tally.lost)
    assert counted == seen
    assert throttled == bool(tally.throttled)
    assert tally.wrong == len(tally.examples)


def test_300_clients_lose_and_mix_up_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """For 5 s, half wait for their turn at the front, half are throttled and try again."""
    status = clients.main(["--clients", "300", "--seconds", "5"])
    out = capsys.readouterr().out
    assert status == 0, out
    rows = {line[:18].strip(): line[18:].strip() for line in out.splitlines()}
    assert rows["clients"] == "300"
    assert (rows["lost"], rows["mixed up"], rows["failed"]) == ("0", "0", "0")
    assert rows["throttled"] != "0"


def test_no_answers_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in which nothing was lost because nothing was asked does not pass."""

    async def idle(_local: object, **_: object) -> tuple[Tally, float]:
        return Tally(), 1.0

    monkeypatch.setattr(clients, "crowd", idle)
    assert clients.main(["--clients", "1", "--seconds", "1"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--clients", "0"], "expected 1 to 2000 clients, got 0"),
        (["--clients", "2001"], "expected 1 to 2000 clients, got 2001"),
        (["--seconds", "0"], "expected up to 3600 seconds, got 0"),
    ],
)
def test_the_load_is_bounded(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody takes the machine down by a slip of the hand."""
    with pytest.raises(SystemExit):
        clients.main(arguments)
    assert message in capsys.readouterr().err


def test_percentiles() -> None:
    """Of a hundred values, of one and of none."""
    values = [float(number) for number in range(100, 0, -1)]
    assert [clients.percentile(values, share) for share in (0.5, 0.95, 0.99)] == [51, 96, 100]
    assert clients.percentile([7.0], 0.99) == 7
    assert clients.percentile([], 0.5) == 0


def plan(**changes: object) -> soak.Plan:
    """Soak for seconds."""
    settings = {"seconds": 8.0, "warm_up_s": 3.0, "every_s": 0.25, "name": "quick", **changes}
    return soak.Plan(**settings)  # type: ignore[arg-type]


def silent(_soaked: soak.Soaked, _elapsed_s: float) -> None:
    """Tell nothing."""


def test_a_planted_leak_in_the_function_is_found() -> None:
    """A real run, with a handler that keeps 64 KiB a call."""
    soaked = soak.run(plan(leak="function", leak_kb=64), silent)
    leaking = {one.name for one in soaked.verdicts() if one.leaks}
    assert any(name.startswith("function, process") for name in leaking)
    assert soaked.tally.wrong == 0


def test_a_planted_leak_of_descriptors_is_found() -> None:
    """A real run, in which the emulator opens a file now and then, and never closes it."""
    quick = plan(warm_up_s=1.0, leak="descriptors", requests_per_s=400.0)
    leaking = soak.run(quick, silent)
    emulator = next(one for one in leaking.verdicts() if one.name == soak.EMULATOR)
    assert emulator.descriptors[1] > emulator.descriptors[0] + 1
    assert any("file descriptors" in leak for leak in emulator.leaks)


def test_crashes_leak_no_descriptors() -> None:
    """Processes end three times a second: nothing stays open, and no answer suffers."""
    soaked = soak.run(plan(seconds=9.0, crashes=True, crash_every_s=0.3), silent)
    (emulator,) = soaked.verdicts()
    before, after = emulator.descriptors
    assert soaked.crashed >= 5
    # One left open by each crash would be as many more; a call under way has two or three.
    assert after <= before + min(4, soaked.crashed - 1)
    assert soaked.tally.answered > 0
    assert soaked.tally.wrong == 0, soaked.tally.examples


def soaked_with(mb_per_s: float, tally: Tally) -> soak.Soaked:
    """Make up a soak of the emulator and of a process that ended on the way."""
    emulator = [Sample(t, 40 + mb_per_s * t, 20) for t in range(20)]
    return soak.Soaked(plan(), tally, series={soak.EMULATOR: emulator, "gone": emulator[:5]})


def test_a_soak_is_judged_by_leaks_and_by_answers() -> None:
    """Each alone is a problem; a process that did not live to the end is not judged."""
    good = Tally(times_ms=[1.0])
    assert soak.problems(soaked_with(0, good)) == []
    assert [one.name for one in soaked_with(0, good).verdicts()] == ["emulator"]
    leak = "emulator: expected memory to grow by less than 1 MB a minute, got 6.00"
    assert soak.problems(soaked_with(0.1, good)) == [leak]
    assert soak.problems(soaked_with(0, Tally())) == ["no answers at all"]
    lost = Tally(times_ms=[1.0], lost=1, examples=["why"])
    assert soak.problems(soaked_with(0, lost)) == ["1 wrong answers: ['why']"]


@pytest.mark.parametrize(
    ("arguments", "mb_per_s", "status", "last"),
    [
        ([], 0.0, 0, "Nothing leaks."),
        ([], 0.1, 1, "Something leaks."),
        (["--leak", "function"], 0.1, 0, "The planted leak was found."),
        (["--leak", "function"], 0.0, 1, "The planted leak was not found."),
    ],
)
def test_the_exit_status_of_a_soak(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    mb_per_s: float,
    status: int,
    last: str,
) -> None:
    """A leak fails a soak; a planted leak that is missed fails it too."""
    monkeypatch.setattr(
        soak, "run", lambda _plan, _tell: soaked_with(mb_per_s, Tally(times_ms=[1.0]))
    )
    assert soak.main(["--minutes", "0.1", *arguments]) == status
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_a_warm_call_through_both_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """A few rounds; the figures are for people."""
    require_rie()
    assert warm_call.main(["--rounds", "20", "--warm-up", "5"]) == 0
    head, ours, ries, ratio = capsys.readouterr().out.splitlines()
    assert head.split() == ["warm", "call", "calls", "p50", "p95", "p99"]
    assert (ours.split()[:2], ries.split()[:2]) == (["LocalLambda", "20"], ["RIE", "20"])
    assert ratio.startswith("Ours takes ")


def test_the_ratio_is_that_of_the_medians() -> None:
    """Ours over RIE's."""
    times_ms = {warm_call.OURS: [1.0, 2.0, 9.0], warm_call.RIES: [4.0, 4.0, 4.0]}
    told = warm_call.table(times_ms).splitlines()[-1]
    assert told == "Ours takes 0.50 times what RIE takes (goal: at most 1)."


def test_a_wrong_answer_is_no_time() -> None:
    """A call that failed quickly must not count as a quick call."""

    async def once() -> None:
        async with server(lambda _: http(502, b"no")) as url:
            connection = Connection(url)
            with pytest.raises(
                warm_call.CallError, match=r"^expected 200 null, got 502 b'no' from /$"
            ):
                await warm_call.timed_call_ms(connection, "/")
            await connection.close()

    asyncio.run(once())
