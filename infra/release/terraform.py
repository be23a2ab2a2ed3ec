"""Terraform (or OpenTofu): find it, and run it in the stage's own folder.

The description (infra/aws) is copied into that folder, so stages share no lock and no plug-ins. The
state, unless it is in a bucket, is in infra/aws/state, which `make clean` keeps; a simulated
cloud's is in the folder, and is removed with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from infra.release.errors import Busy, TerraformFailed
from infra.release.target import Say, Target

DESCRIPTION = Path(__file__).parent.parent / "aws"
STATES = DESCRIPTION / "state"
PROGRAMS = ("terraform", "tofu")
MINIMUM = (1, 10)  # the first with a lock inside the bucket
PLUGINS_VARIABLE = "LAMBAKE_TERRAFORM_PLUGINS"  # a folder of providers, for use without a registry
_PLAN = "release.tfplan"
_DESCRIBES = ("*.tf", "*.json")
_READY = ".ready"
_QUIETLY = ("-input=false", "-no-color")
_IN_A_BUCKET = STATES / "s3_override.tf"
_DONE = re.compile(rb": (Creation|Modifications|Destruction) complete after")
_STILL = re.compile(rb"(\S+): Still (?:creating|modifying|destroying)\.\.\.")
_LOCKED = "Error acquiring the state lock"
_UNREACHED = "Failed to query available provider packages"
_NO_REGISTRY = (
    f"\nwithout a registry: export {PLUGINS_VARIABLE}=FOLDER, a folder of providers for -plugin-dir"
)
_LOOK_S = 0.1
STILL_S = 10.0
"""The longest silence while a command runs."""

# What the backend needs of AWS besides S3 itself; its address is in the environment.
_SIMULATED_S3 = {
    "access_key": "simulated",
    "secret_key": "simulated",
    "skip_credentials_validation": "true",
    "skip_requesting_account_id": "true",
    "use_path_style": "true",
}


def find_terraform() -> tuple[str, tuple[int, int]] | None:
    """Return the first installed program and its version."""
    for program in PROGRAMS:
        if shutil.which(program):
            said = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
            found = re.search(r"v(\d+)\.(\d+)", said.stdout)
            if found:
                return program, (int(found[1]), int(found[2]))
    return None


@dataclass(frozen=True)
class Terraform:
    """Runs one stage's description; `tell` gets reports from slow commands."""

    target: Target
    folder: Path
    program: str = "terraform"
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    states: Path = STATES
    tell: Say = field(default=lambda _line: None, kw_only=True)

    def init(self) -> None:
        """Prepare the folder; `terraform init`, which takes seconds, runs only if needed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._describe()
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

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Reserve the stage's folder and plan for one command of this machine; others get Busy."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy(
                    f"{self.target.name}: another plan, deploy or destroy of this machine is at "
                    "it: wait for its end, or stop it by Ctrl-C and try again"
                ) from error
            yield
        finally:
            os.close(descriptor)

    def state_settings(self) -> dict[str, str]:
        """Return the settings of the state's backend: a bucket, or a file on this machine."""
        bucket = self.target.aws.state_bucket
        if bucket:
            key = f"{self.target.name}.tfstate"
            settings = {"bucket": bucket, "key": key, "region": str(self.target.region)}
            return settings | (_SIMULATED_S3 if self.target.simulated else {})
        states = self.folder if self.target.simulated else self.states
        states.mkdir(parents=True, exist_ok=True)
        return {"path": str(states.resolve() / f"{self.target.name}.tfstate")}

    def forget(self) -> None:
        """Remove the state and the folder of a destroyed stage."""
        settings = self.state_settings()
        if "path" in settings:
            state = Path(settings["path"])
            for name in (state.name, f"{state.name}.backup", f".{state.name}.lock.info"):
                state.with_name(name).unlink(missing_ok=True)
        else:
            s3 = self.target.client("s3")
            s3.delete_object(Bucket=settings["bucket"], Key=settings["key"])
        shutil.rmtree(self.folder)

    def plan(
        self, variables: Mapping[str, str | None], *, only: str | None = None
    ) -> dict[str, Any]:
        """Plan everything, or `only` one resource and its dependencies; return the plan as JSON."""
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
        """Apply the last plan, with a line per finished resource."""
        self._run("apply", *_QUIETLY, "-auto-approve", _PLAN, say=say)

    def destroy(self, variables: Mapping[str, str | None], say: Say) -> None:
        """Remove everything."""
        given = self._variables(variables)
        self._run("destroy", *_QUIETLY, "-auto-approve", *given, say=say)

    def outputs(self) -> dict[str, Any]:
        """Return the outputs that the release needs; empty if nothing is deployed."""
        loaded = json.loads(self._run("output", "-json") or "{}")
        return {name: output["value"] for name, output in loaded.items()}

    def resources(self) -> list[str]:
        """Return the addresses of the existing resources."""
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
        """Run one command; `say` gets each line about a resource at once."""
        environ = {**self.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        if self.target.region:
            environ["AWS_REGION"] = self.target.region
        if self.target.simulated:
            environ["AWS_ENDPOINT_URL_S3"] = self.target.simulated
        # Into files: if nobody read a pipe any more, Terraform could not write to it and would die,
        # leaving the state unwritten and locked.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [self.program, command, *arguments],
                cwd=self.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out if say else errors,
                process_group=0,  # Ctrl-C is passed on below, once: two would kill Terraform
            )
            try:
                self._follow(process, command, out.fileno(), say)
            except BaseException:
                self._end(process, say)
                raise
            said, complained = (_read(file) for file in (out, errors))
        if process.returncode:
            raise self._failed(command, complained or said)
        return said

    def _describe(self) -> None:
        """Copy the description; unchanged files stay, as another command may be reading them."""
        sources = {file.name: file for kind in _DESCRIBES for file in DESCRIPTION.glob(kind)}
        if self.target.aws.state_bucket:
            sources[_IN_A_BUCKET.name] = _IN_A_BUCKET
        for old in [file for kind in _DESCRIBES for file in self.folder.glob(kind)]:
            if old.name not in sources:
                old.unlink()
        for name, source in sources.items():
            laid = self.folder / name
            if not (laid.exists() and filecmp.cmp(source, laid, shallow=False)):
                fresh = self.folder / f".{os.getpid()}"
                shutil.copy(source, fresh)
                fresh.replace(laid)

    def _follow(
        self, process: subprocess.Popen[bytes], command: str, out: int, say: Say | None
    ) -> None:
        """Wait for a command; with `say`, pass on each line about a resource."""
        at, rest, slow, over = 0, b"", "", False
        began_s = said_s = time.monotonic()
        while not over:
            over = process.poll() is not None
            while say and (piece := os.pread(out, 1 << 16, at)):  # the file's own position stays
                at += len(piece)
                *lines, rest = (rest + piece).split(b"\n")
                for line in filter(_DONE.search, lines):
                    say(line.decode(errors="replace").split(" [id=")[0].strip())
                    said_s = time.monotonic()
                for still in filter(None, map(_STILL.match, lines)):
                    slow = f" (with {still[1].decode(errors='replace')})"
            now_s = time.monotonic()
            if not over and now_s - said_s >= STILL_S:
                self.tell(
                    f"{self.program} {command} still runs after {now_s - began_s:.0f} s{slow}"
                )
                said_s, slow = now_s, ""
            if not over:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S)

    def _end(self, process: subprocess.Popen[bytes], say: Say | None) -> None:
        """Let Terraform finish what it has begun and write its state, even if interrupted again."""
        process.send_signal(signal.SIGINT)
        told = f"{self.program} finishes what it has begun …"
        while True:
            try:
                if say:
                    say(told)
                process.wait()
            except KeyboardInterrupt:
                told = f"process {process.pid} still runs; if killed, it forgets what it has made"
            except OSError:
                say = None  # nobody is listening
            else:
                return

    def _failed(self, command: str, said: str) -> TerraformFailed | Busy:
        if _LOCKED not in said:
            remedy = _NO_REGISTRY if _UNREACHED in said else ""
            return TerraformFailed(self.program, command, said, remedy=remedy)
        found = dict(re.findall(r"(ID|Operation|Who|Created): +(.+)", said))
        who = ", ".join(found.get(key, f"no {key}") for key in ("Operation", "Who", "Created"))
        remedy = "wait for its end"
        if "path" not in self.state_settings():
            folder = os.path.relpath(self.folder)
            unlock = f"{self.program} -chdir={folder} force-unlock {found.get('ID', 'ID')}"
            remedy += f"; if it was killed and left the lock behind: {unlock}"
        return Busy(f"{self.target.name}: its state is locked ({who}): {remedy}")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
