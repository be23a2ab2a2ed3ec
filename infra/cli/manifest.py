"""`lambake manifest`: print what another cloud runs the image by."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra.other.cloud_run import cloud_run
from infra.other.container_apps import container_app
from infra.other.workload import Workload
from infra.settings import read
from infra.settings.errors import InfraError

PLACES: Final[Mapping[str, Callable[[Workload], dict[str, Any]]]] = {
    "cloud-run": cloud_run,
    "container-apps": container_app,
}

_HEAD = """\
# {command}
# The schema of its maker knows every key; it was not tried on a real account. {access}
"""
_ACCESS = {
    ("cloud-run", False): "Callers: roles/run.invoker.",
    ("container-apps", False): "Callers: its environment.",
}
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./:@-]+")
_PUBLIC = "Callers: EVERYBODY, at your cost."


@dataclass(frozen=True)
class ManifestOptions:
    """Be what the command line asks for."""

    place: str
    image: str
    stage: str
    function: Path
    public: bool = False


def manifest(options: ManifestOptions) -> int:
    """
    Print a manifest, its first line how it came about.

    Returns:
        The exit status: 2 and a message if function.yaml cannot be met there.
    """
    try:
        config = read(options.function)
        workload = Workload.of(config, options.stage, options.image, public=options.public)
        described = PLACES[options.place](workload)
    except InfraError as error:
        sys.stderr.write(f"manifest: {error}\n")
        return 2
    access = _ACCESS.get((options.place, options.public), _PUBLIC)
    head = _HEAD.format(command=_command(options), access=access)
    sys.stdout.write(head + yaml.dump(described, Dumper=Quoting, sort_keys=False))
    return 0


class Quoting(yaml.SafeDumper):
    """
    Write text so that every reader finds text: gcloud's takes
    1e3 for a number, and n for False.
    """


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Quoting.add_representer(str, _represent_text)


def _command(options: ManifestOptions) -> str:
    said = ["lambake", "manifest", options.place]
    said += ["--image", options.image, "--stage", options.stage]
    return shlex.join([*said, *(["--public"] if options.public else [])])
