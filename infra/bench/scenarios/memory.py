"""The image in a container, at memory settings, with the share of a CPU that Lambda gives each."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import Final

from infra.bench.contenders import LAMBAKE
from infra.bench.page import Section, number
from infra.bench.places import MARKER, BenchError, Running, free_port
from infra.bench.samples import Client, median, p99, peak_mb, times_ms
from infra.bench.scenarios import Plan
from infra.bench.scenarios.side_by_side import SEVEN
from infra.containers import (
    ContainerTool,
    NoContainerTool,
    confinement,
    cpu_share,
    find_container_tool,
)
from infra.local.contract import INVOKE_API_PREFIX

MEMORIES_MB: Final = (512, 1024, 1769, 3008)
_IMAGE: Final = "lambake:latest"
_TITLE: Final = "Memory settings"
_TEXT: Final = (
    "The image under the emulator of its base, confined as on Lambda: a CPU for each 1,769 MB, "
    "at most this machine's.\n*First* is from the request that starts the function's process to "
    "its answer; the container runs by then. Medians."
)


def run(plan: Plan) -> Section:
    """Send pictures to the image at each setting; leave it out where there is no image."""
    try:
        tool = find_container_tool()
    except NoContainerTool as exc:
        return Section(_TITLE, f"Left out: {exc}.")
    if tool.inspect(_IMAGE) is None:
        return Section(_TITLE, f"Left out: there is no {_IMAGE}; `make image` builds it.")
    rows = []
    for memory_mb in MEMORIES_MB:
        plan.tell(f"memory settings: {memory_mb:,} MB")
        found = [_take(tool, memory_mb, plan.warm) for _ in range(min(plan.rounds, 2))]
        warm_ms = [ms for _, times, _ in found for ms in times]
        rows.append(
            [f"{memory_mb:,} MB", f"{cpu_share(memory_mb):.2f}",
             number(median([first_ms for first_ms, _, _ in found])),
             number(median(warm_ms)), number(p99(warm_ms)),
             number(max(used_mb for _, _, used_mb in found))]
        )  # fmt: skip
    header = ("memory", "CPUs", "first ms", "warm ms", "p99", "peak MB")
    return Section(_TITLE, _TEXT, header, rows)


def _take(tool: ContainerTool, memory_mb: int, warm: int) -> tuple[float, list[float], float]:
    """Return a container's first and warm milliseconds, and the function's peak in MiB."""
    with _container(tool, memory_mb) as running, contextlib.closing(Client(running)) as client:
        picture = SEVEN.read_bytes()
        first_ms = _first_ms(client, picture)
        warm_ms = times_ms(client, LAMBAKE, picture, warm)
        return first_ms, warm_ms, max(map(peak_mb, running.pids()))


def _first_ms(client: Client, picture: bytes) -> float:
    """Send a picture until the emulator listens; return how long its answer took."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError):
            return times_ms(client, LAMBAKE, picture, 1)[0]
        client.close()
        time.sleep(0.02)
    raise BenchError("expected the container's emulator to listen, got nothing in a minute")


@contextlib.contextmanager
def _container(tool: ContainerTool, memory_mb: int) -> Iterator[Running]:
    """Run the image's function under its base's emulator until the block ends."""
    port, marker = free_port(), secrets.token_hex(8)
    name = f"lambake-bench-{marker}"
    variables = {MARKER: marker, "_HANDLER": LAMBAKE.handler, **LAMBAKE.variables}
    tool.ask(
        *("run", "--detach", "--name", name, "--network", "host"),
        *(part for pair in variables.items() for part in ("--env", "=".join(pair))),
        *confinement(tool, memory_mb=memory_mb, cpus=cpu_share(memory_mb)),
        *("--entrypoint", "/usr/local/bin/aws-lambda-rie", _IMAGE),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
        "/var/runtime/bootstrap",
    )
    try:
        path = f"{INVOKE_API_PREFIX}function/invocations"
        yield Running(f"127.0.0.1:{port}", path, f"{MARKER}={marker}")
    finally:
        tool.remove(name)
