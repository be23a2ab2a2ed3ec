"""The image in a container of its own: as narrow as on Lambda, and without any network."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping, Sequence

from infra.containers import ContainerTool, confinement
from tests.conftest import FAKE_AWS
from tests.contract.target import MEMORY_MB, Running, Spec
from tests.image.bridge import Bridge, wait_for_port

RIE_PORT = 8080


class ContainerRunning:
    """A container that listens on a port; 512 MB, one CPU."""

    path = "/2015-03-31/functions/function/invocations"

    def __init__(
        self,
        tool: ContainerTool,
        image: str,
        *,
        port: int = RIE_PORT,
        command: Sequence[str] = (),
        variables: Mapping[str, str] = FAKE_AWS,
    ) -> None:
        self._tool = tool
        self.name = f"lambake-test-{secrets.token_hex(6)}"
        given = (part for pair in variables.items() for part in ("--env", "=".join(pair)))
        limits = confinement(tool, memory_mb=MEMORY_MB, cpus=1)
        run = ("run", "--detach", "--name", self.name, "--network", "none")
        tool.ask(*run, *limits, *given, image, *command)
        self.pid = int(tool.ask("inspect", "--format", "{{.State.Pid}}", self.name))
        self._bridge: Bridge | None = None
        try:
            wait_for_port(self.pid, port)
            self._bridge = Bridge(self.pid, port)
        except BaseException as exc:
            exc.add_note("\n".join(self.logs()[-20:]))
            self.close()
            raise

    @property
    def url(self) -> str:
        """The address here."""
        return self._bridge.url if self._bridge else ""

    def logs(self) -> list[str]:
        """Return what it has written."""
        command = self._tool.command("logs", self.name)
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return done.stdout.decode("utf-8", "replace").splitlines()

    def close(self) -> None:
        """Remove it."""
        if self._bridge is not None:
            self._bridge.close()
        self._tool.remove(self.name)


class BundledRie:
    """Run the image as `docker run` does: through the emulator in its base."""

    name = "rie"

    def __init__(self, tool: ContainerTool, image: str) -> None:
        self._tool = tool
        self._image = image

    def start(self, spec: Spec) -> Running:
        """Serve the function; of what is asked for, an image has its own handler."""
        return ContainerRunning(self._tool, self._image)
