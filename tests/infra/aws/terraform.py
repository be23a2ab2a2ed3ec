"""Terraform on a copy of infra/aws, with the machine's own providers where it has them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests import ROOT
from tests.infra.cloud.clouds import REGION

HOST = "registry.terraform.io"
PROVIDER = f"{HOST}/hashicorp/aws"
DIGEST = f"sha256:{'a' * 64}"
SPARING = {"GOGC": "400"}
"""Lets Terraform and its provider collect garbage less often: a fifth less CPU for each command."""

REATTACH = "TF_REATTACH_PROVIDERS"
TAKEN_OVER = ("HOME", "PATH", "TF_CLI_ARGS_init", "TF_PLUGIN_CACHE_DIR", "TMPDIR")


def mirrors() -> Iterator[Path]:
    """Find folders of providers on this machine: where Terraform looks itself, and below /opt."""
    homes = (Path.home() / ".terraform.d" / "plugins", Path("/usr/share/terraform/plugins"))
    shared = (Path("/usr/local/share/terraform/plugins"), *Path("/opt").glob("*"))
    yield from (place for place in (*homes, *shared) if (place / PROVIDER).is_dir())


@contextlib.contextmanager
def provider(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run the AWS provider once for all commands on one stage: each would start its own, and ask
    it for its thousand resources' schemas, a third of the CPU time of a plan.

    Args:
        environment: of the commands.

    Yields:
        What their environment must hold; nothing where this machine has no unpacked provider.
    """
    found = (one for mirror in mirrors() for one in (mirror / PROVIDER).glob("*/*/*-provider-aws*"))
    file = None if "TF_CLI_ARGS_init" in environment else next(found, None)
    if file is None:
        yield {}
        return
    with subprocess.Popen(
        [file, "-debug"],
        env={**environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout
            told = (line.partition(f"{REATTACH}=") for line in process.stdout)
            yield {REATTACH: next(value.strip().strip("'") for _, mark, value in told if mark)}
        finally:
            process.send_signal(signal.SIGINT)  # it removes its socket
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


class Terraform:
    """One state of one stage, by a copy of the description that may be changed."""

    def __init__(self, program: str, folder: Path, *, cloud: str) -> None:
        """Copy the description.

        Args:
            program: terraform, or tofu.
            folder: an empty one.
            cloud: address of the simulated cloud.
        """
        self.folder = folder
        self._program = program
        self.state = folder / "dev.tfstate"
        self._cloud = cloud
        self.extra: dict[str, str] = {}
        shutil.copytree(ROOT / "infra" / "aws", folder / "aws")
        shutil.copy(ROOT / "infra" / "function.yaml", folder)

    @property
    def environment(self) -> dict[str, str]:
        """What Terraform may know: nothing of the developer's accounts, no calls home."""
        mine = {key: os.environ[key] for key in TAKEN_OVER if key in os.environ}
        return {
            **mine,
            **SPARING,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            **self.extra,
        }

    def command(self, *arguments: str) -> list[str]:
        """Spell a command."""
        return [self._program, f"-chdir={self.folder / 'aws'}", *arguments]

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command that ends with the status expected.

        Returns:
            All that it printed.
        """
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def init(self, *options: str) -> str:
        """Get the provider, and the state's place."""
        mirror = next(mirrors(), None) if "TF_CLI_ARGS_init" not in os.environ else None
        found = [f"-plugin-dir={mirror}"] if mirror else []
        places = options or (f"-backend-config=path={self.state}",)
        return self.run("init", "-no-color", *found, *places)

    def variables(self, **changes: str | None) -> list[str]:
        """Spell the variables of a plan; None leaves one out."""
        given = {"stage": "dev", "image_digest": DIGEST, "simulated_cloud": self._cloud, **changes}
        return [f"-var={key}={value}" for key, value in given.items() if value is not None]

    def function(self, name: str, **aws: Any) -> str:
        """Write a function.yaml with some settings changed.

        Args:
            name: of the file.
            aws: keys below `aws`; `top` is a mapping of keys beside it.
        """
        settings = yaml.safe_load((self.folder / "function.yaml").read_text())
        settings.update(aws.pop("top", {}))
        for key, value in aws.items():
            known = settings["aws"][key]
            settings["aws"][key] = {**known, **value} if isinstance(known, dict) else value
        (self.folder / name).write_text(yaml.safe_dump(settings))
        return f"../{name}"

    def plan(self, *options: str, **changes: str | None) -> tuple[dict[str, Any], str]:
        """Plan, by the state that there is.

        Returns:
            The plan as JSON, and what Terraform said.
        """
        file = self.folder / f"{len(list(self.folder.iterdir()))}.plan"
        said = self.run("plan", "-no-color", f"-out={file}", *self.variables(**changes), *options)
        plan: dict[str, Any] = json.loads(self.run("show", "-json", str(file)))
        return plan, said


@contextlib.contextmanager
def attached(terraform: Terraform) -> Iterator[Terraform]:
    """Attach one provider to all its commands, and initialise it."""
    with provider(terraform.environment) as found:
        terraform.extra |= found
        terraform.init()
        yield terraform
