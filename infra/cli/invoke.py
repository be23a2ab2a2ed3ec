"""`lambake invoke`: call the function once, locally by its Invoke API or in the cloud by boto3."""

from __future__ import annotations

import base64
import http.client
import sys
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from infra.cli.exits import DONE, FAILED, UNUSABLE
from infra.cli.flags import About, UsageError, address, argument, flag
from infra.cli.stage import StageOptions, say, stage_of

LOCAL: Final = "http://127.0.0.1:9001"


@dataclass(frozen=True, kw_only=True)
class Options(StageOptions):
    """The flags of the command: for the local function, or for a stage."""

    payload: str = argument("JSON, or - to read stdin (%(default)s)", default="{}")
    name: str | None = flag(None, "name of the local function (as the settings say)")
    url: str | None = flag(None, f"address of the local Invoke API ({LOCAL})", type=address)
    event: bool = flag(False, "invoke asynchronously")
    tail: bool = flag(False, "show the end of the log too")
    stage: str = flag("", "invoke this stage in the cloud, not the local function")


ABOUT = About(
    "invoke a function, local or in the cloud", Options, failed=UNUSABLE,
    example="""'{"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]}' --stage dev""",
)  # fmt: skip


def run(options: Options) -> int:
    """Call the function and print its answer, and with --tail the end of its log on stderr."""
    payload = sys.stdin.read() if options.payload == "-" else options.payload
    if not (options.stage or options.simulated_cloud):
        return _invoke_here(payload, options)
    if options.name or options.url:
        raise UsageError("--name and --url are the local function's, --stage the cloud's")
    return _invoke_a_stage(payload, options)


def _invoke_a_stage(payload: str, options: Options) -> int:
    from infra.release import smoke
    from infra.settings.errors import InfraError

    asked = StageOptions(
        stage=options.stage or StageOptions.stage,
        simulated_cloud=options.simulated_cloud,
        function=options.function,
    )
    tail = sys.stderr.write if options.tail else None
    try:
        with stage_of(asked) as target:
            succeeded, text = smoke.invoke(target, payload, event=options.event, tail=tail)
    except InfraError as error:  # as in the other commands for a stage
        sys.stderr.write(f"{error}\n")
        return FAILED
    say(text)
    return DONE if succeeded else FAILED


def _invoke_here(payload: str, options: Options) -> int:
    from infra.local import contract
    from infra.settings import limits, read

    url = options.url or LOCAL
    name = options.name or read(options.function).name
    headers = {"X-Amz-Log-Type": "Tail"} if options.tail else {}
    if options.event:
        headers["X-Amz-Invocation-Type"] = "Event"
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=limits.TIMEOUT_LIMIT_S + 60
    )
    path = f"{contract.INVOKE_API_PREFIX}{quote(name, safe='')}/invocations"
    try:
        connection.request("POST", path, body=payload.encode(), headers=headers)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
    except OSError as exc:
        sys.stderr.write(f"nobody answers at {url}: {exc}. Start it: lambake run\n")
        return UNUSABLE
    finally:
        connection.close()
    tail = response.getheader("X-Amz-Log-Result")
    if tail:
        sys.stderr.write(base64.b64decode(tail).decode("utf-8", "replace"))
    say(body or f"{response.status} {response.reason}")
    failed = response.status >= 300 or response.getheader("X-Amz-Function-Error") is not None
    return FAILED if failed else DONE
