"""
`lambake plan | deploy | status | logs | rollback |
destroy`: one stage, from end to end.
"""

from __future__ import annotations

import contextlib
import hashlib
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infra.cli.image import ImageOptions, image
from infra.cli.invoke import payload_of
from infra.cli.live_view import shown_text
from infra.image.build import PUBLIC_BASE, version_of
from infra.image.errors import ImageError
from infra.release import smoke, traffic
from infra.release.aws_errors import explained
from infra.release.calls import call_lines
from infra.release.deploy import Deploy, deploy, show_plan
from infra.release.destroy import destroy
from infra.release.preflight import Tools, find_tools
from infra.release.registry import Pushed, Registry
from infra.release.status import api_url, as_it_is, follow_logs, outputs_of, status_lines
from infra.release.target import Target
from infra.release.terraform import Terraform
from infra.settings.errors import InfraError

INTERRUPTED = 130
UNHEARD = 141


@dataclass(frozen=True)
class ReleaseOptions:
    """Be what the command line asks for."""

    function: Path
    stage: str = "dev"
    simulated: str | None = None
    registry: str | None = None
    base: str = PUBLIC_BASE
    yes: bool = False
    payload: str = "{}"
    event: bool = False
    tail: bool = False
    since_s: float = 600.0
    follow: bool = False
    hook: bool = False


Do = Callable[[Target, ReleaseOptions], int]


def run(do: Do, options: ReleaseOptions) -> int:
    """
    Run one of the commands below.

    Returns:
        Its exit status; 1 and a message where it could not.
    """
    try:
        with _interruptible():
            return do(Target.of(options.function, options.stage, options.simulated), options)
    except KeyboardInterrupt as stopped:
        stands = str(stopped) or _STANDS.get(do)
        sys.stderr.write(f"\nstopped: {stands}\n" if stands else "\n")
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has seen enough
        return UNHEARD
    except (ClientError, BotoCoreError) as error:
        sys.stderr.write(f"{explained(error)}\n")
        return 1
    except InfraError as error:
        sys.stderr.write(f"{error}\n")
        return 1


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Take a kill, and a terminal that is closed, as a Ctrl-C: nothing is left half said."""
    taken = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) == signal.SIG_DFL  # nohup stays nohup
    ]
    for number in taken:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def plan_command(target: Target, options: ReleaseOptions) -> int:
    """Show what a deployment would change."""
    show_plan(_job(target, options))
    return 0


def deploy_command(target: Target, options: ReleaseOptions) -> int:
    """Deploy, and say how to call it."""
    deploy(_job(target, options))
    for line in call_lines(target, api_url(target), target.aws.api.auth):
        _say(line)
    return 0


def status_command(target: Target, options: ReleaseOptions) -> int:
    """Show what stands."""
    for line in status_lines(target, outputs_of(target, _terraform(target))):
        _say(line)
    return 0


def logs_command(target: Target, options: ReleaseOptions) -> int:
    """Show the function's log: shortened and coloured on a terminal, as it is for a file."""
    outputs = outputs_of(target, _terraform(target))
    group = outputs["log_groups"]["hook" if options.hook else "function"]
    view = shown_text if sys.stdout.isatty() else as_it_is
    follow_logs(target, group, _say, since_s=options.since_s, follow=options.follow, view=view)
    return 0


def invoke_command(target: Target, options: ReleaseOptions) -> int:
    """Invoke what is live."""
    payload = payload_of(options.payload)
    tail = sys.stderr.write if options.tail else None
    succeeded, text = smoke.invoke(target, payload, event=options.event, tail=tail)
    _say(text)
    return 0 if succeeded else 1


def rollback_command(target: Target, options: ReleaseOptions) -> int:
    """Go back to the version before. Without Terraform: it is a matter of seconds."""
    came_from, now = traffic.roll_back(target, _say)
    _say(f"version {came_from} → {now}")
    _say(smoke.smoke(target, api_url(target)))
    return 0


def destroy_command(target: Target, options: ReleaseOptions) -> int:
    """Remove everything."""

    def agree(question: str) -> bool:
        if options.yes:
            return True
        got = _asked(question)
        if got != target.name:
            _say(f"expected {target.name}, got {got!r}")
        return got == target.name

    return 0 if destroy(target, _terraform(target), _say, agree) else 1


# What stands where a command is stopped that does not say so itself.
_STANDS: dict[Do, str] = {
    plan_command: "nothing was changed",
    deploy_command: "nothing was changed",
    rollback_command: "lambake status shows which version has the traffic",
    destroy_command: "the next destroy takes up what is left",
}

COMMANDS: dict[str, Do] = {
    "plan": plan_command,
    "deploy": deploy_command,
    "status": status_command,
    "logs": logs_command,
    "invoke": invoke_command,
    "rollback": rollback_command,
    "destroy": destroy_command,
}


def _job(target: Target, options: ReleaseOptions) -> Deploy:
    def images(tools: Tools, address: str) -> Pushed:
        # Its own: what another checkout or stage builds meanwhile is not what is pushed here.
        place = hashlib.sha256(bytes(_folder(target))).hexdigest()[:8]
        tag = f"lambake:{version_of(target.root)}-{target.stage}-{place}"
        build = ImageOptions(
            target.root, tag, options.base, platform=target.platform,
            init=False, brief=True, make="deploy",
        )  # fmt: skip
        if tools.engine is None or image(build, _say) != 0:
            raise ImageError(f"{tag} was not built")
        return Registry(target, tools.engine, address, options.registry).push(tag)

    def agree(question: str) -> bool:
        return options.yes or _asked(f"{question} [y/N]").lower() in ("y", "yes")

    folder = _folder(target)
    return Deploy(target, folder, images, _say, agree, registry=options.registry)


def _terraform(target: Target) -> Terraform:
    tools = find_tools(target, builds=False)
    return Terraform(target, _folder(target), tools.terraform, tell=_say)


def _folder(target: Target) -> Path:
    kind = "simulated-" if target.simulated else ""
    return target.root / "build" / "terraform" / f"{kind}{target.stage}"


def _say(line: str) -> None:
    print(line, flush=True)


def _asked(question: str) -> str:
    try:
        return input(f"{question} ").strip()
    except EOFError:
        _say("\nnobody answers: standard input is at its end (--yes asks nothing)")
        return ""
