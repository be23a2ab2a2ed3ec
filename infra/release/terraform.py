"""
Terraform (or OpenTofu): find it, and run it in a folder of the stage's own.

The description (infra/aws) is copied beside what Terraform writes, one folder a stage, so stages
never share a lock or a plug-in folder, and a state in a bucket is one file more. The state of a
stage that is kept on this machine lies in infra/aws/state, which `make clean` leaves alone.
"""

from __future__ import annotations

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
_QUIETLY = ("-input=false", "-no-color")

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


@dataclass
class Terraform:
    """
    Run one stage's description.
    """

    target: Target
    folder: Path
    program: str = "terraform"
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    states: Path = STATES

    def init(self) -> None:
        """
        Make the folder ready; the description is laid there anew each time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in (*self.folder.glob("*.tf"), *self.folder.glob("*.json")):
            old.unlink()
        for source in (*DESCRIPTION.glob("*.tf"), *DESCRIPTION.glob("*.json")):
            shutil.copy(source, self.folder)
        bucket = self.target.aws["state_bucket"]
        if bucket:
            shutil.copy(STATES / "s3_override.tf", self.folder)
            settings = {
                "bucket": bucket,
                "key": f"{self.target.name}.tfstate",
                "region": self.target.region,
            }
        else:
            self.states.mkdir(parents=True, exist_ok=True)
            kind = "simulated-" if self.target.simulated else ""
            path = self.states / f"{kind}{self.target.name}.tfstate"
            settings = {"path": str(path)}
        plugins = self.environ.get(PLUGINS_VARIABLE)
        self._run(
            "init",
            *_QUIETLY,
            "-reconfigure",
            *(f"-backend-config={key}={value}" for key, value in settings.items()),
            *([f"-plugin-dir={plugins}"] if plugins else []),
        )

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
        environ = {**self.environ, "TF_IN_AUTOMATION": "1"}
        if self.target.region:
            environ["AWS_REGION"] = self.target.region
        with subprocess.Popen(
            [self.program, command, *arguments],
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if say else subprocess.PIPE,
            text=True,
        ) as process:
            out, errors = _read(process, say)
        if process.returncode:
            raise TerraformFailed(self.program, command, errors or out)
        return out


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
