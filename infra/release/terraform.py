"""
Terraform (or OpenTofu): find it, and run it in a folder of the stage's own.

The description (infra/aws) is copied beside what Terraform writes, one folder a stage, so stages
never share a lock or a plug-in folder, and a state in a bucket is one file more. The state of a
stage that is kept on this machine lies in infra/aws/state, which `make clean` leaves alone; that
of a simulated cloud lies in the stage's folder, and goes with it as the cloud does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.release.errors import TerraformFailed
from infra.release.target import Target

DESCRIPTION = Path(__file__).parent.parent / "aws"
STATES = DESCRIPTION / "state"
PROGRAMS = ("terraform", "tofu")
MINIMUM = (1, 10)  # state in a bucket that locks itself
PLUGINS_VARIABLE = (
    "LAMBAKE_TERRAFORM_PLUGINS"  # a folder of providers, where no registry is reached
)
_PLAN = "release.tfplan"
_DESCRIBES = ("*.tf", "*.json")
_READY = ".ready"
_QUIETLY = ("-input=false", "-no-color")

# What the backend asks of AWS besides S3 itself; its address is in the environment.
_SIMULATED_S3 = {
    "access_key": "simulated",
    "secret_key": "simulated",
    "skip_credentials_validation": "true",
    "skip_requesting_account_id": "true",
    "use_path_style": "true",
}

Say = Callable[[str], None]


def find_terraform() -> tuple[str, tuple[int, int]] | None:
    """
    Give the first program that is installed, and its version.
    """
    for program in PROGRAMS:
        if shutil.which(program):
            said = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
            found = re.search(r"v(\d+)\.(\d+)", said.stdout)
            if found:
                return program, (int(found[1]), int(found[2]))
    return None


@dataclass(frozen=True)
class Terraform:
    """
    Run one stage's description.

    Args:
        target: the stage.
        folder: of its own.
        program: terraform, or tofu.
        environ: what the program finds in its environment.
        states: where the states of AWS's stages lie, where no bucket keeps them.
    """

    target: Target
    folder: Path
    program: str = "terraform"
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    states: Path = STATES

    def init(self) -> None:
        """
        Lay the description into the folder, and make it ready unless it is ready already.

        Getting the provider ready takes Terraform some seconds each time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for pattern in _DESCRIBES:
            for old in self.folder.glob(pattern):
                old.unlink()
            for source in DESCRIPTION.glob(pattern):
                shutil.copy(source, self.folder)
        if self.target.aws["state_bucket"]:
            shutil.copy(DESCRIPTION / "state" / "s3_override.tf", self.folder)
        plugins = self.environ.get(PLUGINS_VARIABLE)
        arguments = [
            *_QUIETLY,
            "-reconfigure",
            *(f"-backend-config={key}={value}" for key, value in self.state_settings().items()),
            *([f"-plugin-dir={plugins}"] if plugins else []),
        ]
        wanted = _digest(self.program, *arguments, (DESCRIPTION / "versions.tf").read_text())
        ready = self.folder / _READY
        if ready.exists() and ready.read_text() == wanted:
            return
        self._run("init", *arguments)
        ready.write_text(wanted)

    def state_settings(self) -> dict[str, str]:
        """
        Say where the state is: of the backend in a bucket, or of the one on this machine.
        """
        bucket = self.target.aws["state_bucket"]
        if bucket:
            key = f"{self.target.name}.tfstate"
            settings = {"bucket": bucket, "key": key, "region": str(self.target.region)}
            return settings | (_SIMULATED_S3 if self.target.simulated else {})
        states = self.folder if self.target.simulated else self.states
        states.mkdir(parents=True, exist_ok=True)
        return {"path": str(states.resolve() / f"{self.target.name}.tfstate")}

    def forget(self) -> None:
        """
        Remove the state and the folder of a stage that is gone.
        """
        settings = self.state_settings()
        if "path" in settings:
            for kind in ("", ".backup"):
                Path(settings["path"] + kind).unlink(missing_ok=True)
        else:
            s3 = self.target.client("s3")
            s3.delete_object(Bucket=settings["bucket"], Key=settings["key"])
        shutil.rmtree(self.folder)

    def plan(
        self, variables: Mapping[str, str | None], *, only: str | None = None
    ) -> dict[str, Any]:
        """
        Plan, and give the plan as Terraform's JSON.

        Args:
            variables: of the description, besides the stage.
            only: one resource, with what it needs; None: all.
        """
        self._run(
            "plan",
            *_QUIETLY,
            f"-out={_PLAN}",
            *([f"-target={only}"] if only else []),
            *self._variables(variables),
        )
        plan: dict[str, Any] = json.loads(self._run("show", "-json", _PLAN))
        return plan

    def apply(self, say: Say) -> None:
        """
        Do what was planned last, each resource a line as it is done.
        """
        self._run("apply", *_QUIETLY, "-auto-approve", _PLAN, say=say)

    def destroy(self, variables: Mapping[str, str | None], say: Say) -> None:
        """
        Remove everything.
        """
        given = self._variables(variables)
        self._run("destroy", *_QUIETLY, "-auto-approve", *given, say=say)

    def outputs(self) -> dict[str, Any]:
        """
        Give what the state says that the release needs; empty where nothing is deployed.
        """
        loaded = json.loads(self._run("output", "-json") or "{}")
        return {name: output["value"] for name, output in loaded.items()}

    def resources(self) -> list[str]:
        """
        List the addresses of what stands.
        """
        try:
            return self._run("state", "list").split()
        except TerraformFailed as error:
            if "No state file was found" in str(error):
                return []
            raise

    def _variables(self, variables: Mapping[str, str | None]) -> list[str]:
        given = {
            "stage": self.target.stage,
            "function_file": os.path.relpath(self.target.function_file, self.folder),
            "simulated_cloud": self.target.simulated,
            **variables,
        }
        return [f"-var={name}={value}" for name, value in given.items() if value is not None]

    def _run(self, command: str, *arguments: str, say: Say | None = None) -> str:
        """
        Run one command; with `say`, each line that tells of a resource is passed on as it comes.
        """
        environ = {**self.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        if self.target.region:
            environ["AWS_REGION"] = self.target.region
        if self.target.simulated:
            environ["AWS_ENDPOINT_URL_S3"] = self.target.simulated
        with subprocess.Popen(
            [self.program, command, *arguments],
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if say else subprocess.PIPE,
            text=True,
        ) as process:
            try:
                out, errors = _read(process, say)
            except KeyboardInterrupt:
                # Ctrl-C reaches Terraform too. Left alone it would lose what it has made since it
                # last wrote the state, so it is waited for.
                if say:
                    say(f"{self.program} ends what it has begun …")
                with contextlib.suppress(KeyboardInterrupt):
                    process.communicate()
                raise
        if process.returncode:
            raise TerraformFailed(self.program, command, errors or out)
        return out


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _read(process: subprocess.Popen[str], say: Say | None) -> tuple[str, str]:
    if say is None:
        return process.communicate()
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if re.search(r": (Creation|Modifications|Destruction) complete after", line):
            say(line.split(" [id=")[0].strip())
    process.wait()
    return "".join(lines), ""
