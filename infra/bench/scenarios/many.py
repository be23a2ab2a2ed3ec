"""Many at once: rows and pictures in one call, messages of a queue, models in one function."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.bench.contenders import LAMBAKE, ROOT, Contender
from infra.bench.page import Chart, Section, number
from infra.bench.places import BenchError, serve
from infra.bench.samples import Client, cpu_ms, median, take
from infra.bench.scenarios import Plan
from infra.bench.scenarios.side_by_side import SEVEN
from infra.local.sandbox.memory import resident_mb

_ROW: Final = [5.1, 3.5, 1.4, 0.2]
_ROWS: Final = (1, 4, 16, 64, 256, 1000)
_PICTURES: Final = (1, 4, 16, 64, 256)
_MODELS: Final = 30
_TIMES: Final = 5


def run(plan: Plan) -> Section:
    """Measure Lambake under our emulator, by payloads that need no HTTP."""
    rows: list[list[str]] = []
    with serve("lambake", LAMBAKE) as running:
        client = Client(running)
        asks = _payloads()
        _took(client, asks[0][2])
        for name, count, payload in asks:
            plan.tell(f"many at once: {name}")
            before = sum(map(cpu_ms, running.pids()))
            times_ms = [_took(client, payload) for _ in range(_TIMES)]
            cpu = (sum(map(cpu_ms, running.pids())) - before) / _TIMES
            took_ms, size = median(times_ms), len(json.dumps(payload))
            rows.append(
                [name, number(took_ms), number(cpu), number(count / took_ms * 1e3),
                 number(size / took_ms / 1e3)]
            )  # fmt: skip
        client.close()
    plan.tell(f"{_MODELS} models in one function")
    with _zoo(_MODELS) as variables:
        full = Contender("Lambake", "", LAMBAKE.handler, (), root=ROOT, variables=variables)
        payload = {"model": "iris01", "rows": [_ROW]}
        many = [_cold(full, payload) for _ in range(3)]
    two = [take("lambake", LAMBAKE, SEVEN.read_bytes(), warm=0) for _ in range(3)]
    a_second = {row[0]: float(row[3].replace(",", "")) for row in rows}
    pictures, one = f"{_PICTURES[-1]:,} pictures", f"{_PICTURES[0]:,} pictures"
    text = (
        f"One call each, to an environment of our emulator; the median of {_TIMES}. The largest "
        "are the limits that the two models set.\n"
        f"{pictures} in one call are {a_second[pictures] / a_second[one]:.1f} times as many a "
        "second as one by one (goal: 5).\n\n"
        f"A function with {_MODELS} models gives its first answer after "
        f"{number(median([ms for ms, _ in many]))} ms, with {number(many[0][1])} MB; with two "
        f"after {number(median([one.first_ms for one in two]))} ms."
    )
    header = ("in one call", "ms", "CPU ms", "a second", "MB a second")
    return Section(
        "Many at once", text, header, rows, [Chart("many", "a second", [*a_second.items()])]
    )


def _payloads() -> list[tuple[str, int, Any]]:
    """Return what is sent: its name, how many it holds, and the payload."""
    picture = base64.b64encode(SEVEN.read_bytes()).decode()
    return [
        *((f"{n:,} rows", n, {"model": "iris", "rows": [_ROW] * n}) for n in _ROWS),
        *((f"{n:,} pictures", n, {"model": "digits", "images": [picture] * n}) for n in _PICTURES),
        *((f"{n:,} messages of 10 rows", n, _messages(n)) for n in (1, 10, 100)),
    ]


def _took(client: Client, payload: Any) -> float:
    """Invoke once; return the milliseconds."""
    body = json.dumps(payload).encode()
    started = time.perf_counter()
    answer = json.loads(client.ask(body))
    took_ms = (time.perf_counter() - started) * 1e3
    if "errorType" in answer or answer.get("batchItemFailures"):
        raise BenchError(f"expected an answer, got {str(answer)[:300]}")
    return took_ms


def _messages(count: int) -> dict[str, Any]:
    """Spell an event of a queue; every message asks for ten rows."""
    body = json.dumps({"model": "iris", "rows": [_ROW] * 10})
    return {
        "Records": [
            {
                "messageId": f"00000000-0000-4000-8000-{number:012}",
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:jobs",
                "awsRegion": "us-east-1",
            }
            for number in range(count)
        ]
    }


def _cold(contender: Contender, payload: Any) -> tuple[float, float]:
    """Return the first answer's milliseconds from nothing, and the resident MB after it."""
    with serve("lambake", contender) as running:
        client = Client(running)
        took_ms = _took(client, payload)
        client.close()
        return took_ms, sum(map(resident_mb, running.pids()))


@contextlib.contextmanager
def _zoo(count: int) -> Iterator[dict[str, str]]:
    """Make a zoo of so many models, half of each kind, in links to the sample models' files."""
    with tempfile.TemporaryDirectory() as folder:
        for place in range(count):
            source = ROOT / "model" / "zoo" / ("iris", "digits")[place % 2]
            bundle = Path(folder, f"{source.name}{place // 2 + 1:02}")
            bundle.mkdir()
            for path in source.iterdir():
                if path.name != "model.toml":
                    (bundle / path.name).symlink_to(path)
            manifest = (source / "model.toml").read_text(encoding="utf-8")
            named = re.sub(r'(?m)^name = "\w+"', f'name = "{bundle.name}"', manifest, count=1)
            (bundle / "model.toml").write_text(named, encoding="utf-8")
        yield {"LAMBAKE_ZOO": folder}
