"""`lambake manifest`: a manifest that runs the same image on Cloud Run or Container Apps.

The templates in infra/cli/manifests are filled with the settings of function.yaml that apply to a
container serving plain HTTP: name, memory, timeout, instances and environment. Queues, buckets,
events and bulk runs exist only on AWS.
"""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

from infra import FUNCTION_FILE
from infra.cli.exits import DONE, UNUSABLE
from infra.cli.flags import About, argument, flag
from infra.cli.stage import say

if TYPE_CHECKING:
    from infra.settings import Settings

_TEMPLATES = Path(__file__).parent / "manifests"
# Predictions run on as many threads as there are processors, so more requests would only wait. With
# pictures of 3 MB, 16 at once ended an instance of 128 MB, which answered 4; one of 256 MB answered
# 16.
_MOST_AT_ONCE = 16
_MB_PER_REQUEST = 32
# distribution/reference, the grammar of references: host, small letters, tag, digest.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = (
    rf"([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?{_PART}(/{_PART})*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True)
class Place:
    """What a service accepts, by its documentation: names, reserved variables, memory and time."""

    name: str
    named: str
    taken: str
    most_mb: int
    most_s: int
    port: tuple[tuple[str, str], ...]  # the variable that tells where to listen, if we must
    callers: str


PLACES: Final = {
    # Cloud Run sets PORT itself; the Container runtime contract reserves the others.
    "cloud-run": Place(
        r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?",
        "at most 49 small letters, digits and hyphens, a letter first, no hyphen last",
        "PORT|K_SERVICE|K_REVISION|K_CONFIGURATION|X_GOOGLE_.*",
        32_768, 3_600, (), "roles/run.invoker.",
    ),
    # Container Apps: 8 GiB go with 4 CPUs, and "Request timeout is 240 seconds".
    "container-apps": Place(
        r"(?!.*--)[a-z][a-z0-9-]{0,30}[a-z0-9]",
        "2 to 32 small letters, digits and single hyphens, a letter first, no hyphen last",
        "PORT|CONTAINER_APP_.*",
        8_192, 240, (("PORT", "8080"),), "its environment.",
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command."""

    place: str = argument("where it is to run", choices=tuple(PLACES))
    image: str = flag(None, "the image, as the service can pull it; for linux/amd64", required=True)
    stage: str = flag("dev", "added to the name (%(default)s)")
    public: bool = flag(False, "let anybody call it")
    function: Path = flag(FUNCTION_FILE, "the function's settings (%(default)s)", type=Path)


ABOUT = About(
    "print a manifest that runs the image on Cloud Run or Container Apps",
    Options, needs="run", failed=UNUSABLE,
    example="cloud-run --image europe-west1-docker.pkg.dev/me/lambake/lambake:1",
)  # fmt: skip


def run(options: Options) -> int:
    """Print the template of a place, filled in."""
    from infra.settings import read

    template = (_TEMPLATES / f"{options.place}.yaml").read_text(encoding="utf-8")
    values = values_of(read(options.function), options)
    said = ["lambake", "manifest", options.place, "--image", options.image]
    said += ["--stage", options.stage, *(["--public"] if options.public else [])]
    place = PLACES[options.place]
    callers = "EVERYBODY, at your cost." if options.public else place.callers
    say(Template(template).substitute(values, command=shlex.join(said), callers=callers).rstrip())
    return DONE


def values_of(settings: Settings, options: Options) -> dict[str, Any]:
    """Return the values for the templates.

    Raises:
        ConfigError: the place cannot do what function.yaml asks.
    """
    from infra.containers import MB_PER_CPU
    from infra.settings.errors import ConfigError

    place, name = PLACES[options.place], f"{settings.name}-{options.stage}"
    taken = [key for key in settings.environment if re.fullmatch(place.taken, key)]
    image, timeout_s, memory_mb = options.image, settings.timeout_s, settings.memory_mb
    reference = "a reference such as registry.example/name:tag"
    for met, where, expected, got in (
        (re.fullmatch(_IMAGE, image), "--image", reference, image),
        (re.fullmatch(place.name, name), "name, with the stage", place.named, name),
        (timeout_s % 1 == 0, "timeout_s", "whole seconds", timeout_s),
        (timeout_s <= place.most_s, "timeout_s", f"{place.most_s} at most", timeout_s),
        (memory_mb <= place.most_mb, "memory_mb", f"{place.most_mb} at most", memory_mb),
        (settings.limit, "reserved_concurrency", "1 at least: none is no service", 0),
        (not taken, f"environment.{[*taken, ''][0]}", "none: the service sets it", "one"),
    ):
        if not met:
            raise ConfigError(where, expected, got)
    quarters = math.ceil(memory_mb / 512)  # of 2 GiB, with a quarter of a CPU each
    whole = next(cpus for cpus in (1, 2, 4, 6) if cpus * MB_PER_CPU >= memory_mb)
    variables = [*place.port, *settings.environment.items()]
    return {
        "name": _quoted(name),
        "image": _quoted(image),
        "public": str(options.public).lower(),
        "least": settings.provisioned_concurrency,
        "most": settings.limit,
        "at_once": min(_MOST_AT_ONCE, memory_mb // _MB_PER_REQUEST),
        "timeout_s": int(timeout_s),
        "environment": _quoted([{"name": key, "value": value} for key, value in variables]),
        "memory_mb": memory_mb,
        "memory_gib": f"{quarters / 2:g}",
        "cpus": whole if options.place == "cloud-run" else quarters / 4,
    }  # fmt: skip


def _quoted(value: object) -> str:
    """Quote every string: some readers take 1e3 for a number, and n for False."""
    import yaml

    told = yaml.safe_dump(value, default_style='"', default_flow_style=True, width=math.inf)
    return told.strip()
