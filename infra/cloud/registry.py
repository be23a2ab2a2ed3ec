"""A registry for the simulated cloud's images, on this machine: Debian's docker-registry."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.containers import ContainerTool, ContainerToolFailed
from infra.settings.errors import InfraError

PROGRAM: Final = "docker-registry"
_PATIENCE_S = 30.0
_SETTINGS = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class RegistryError(InfraError):
    """No registry runs: it is not installed, or does not answer."""


@contextlib.contextmanager
def loopback_registry() -> Iterator[str]:
    """Run a registry while the block runs, and yield its HOST:PORT; its content goes with it."""
    if shutil.which(PROGRAM) is None:
        raise RegistryError(f"expected {PROGRAM} on the PATH, found none: apt install {PROGRAM}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="lambake-registry-") as folder:
        settings = Path(folder) / "config.yml"
        settings.write_text(_SETTINGS.format(folder=folder, port=port), encoding="ascii")
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [PROGRAM, "serve", str(settings)], stdout=log, stderr=subprocess.STDOUT
            )
        try:
            _wait(f"http://127.0.0.1:{port}/v2/", process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


@dataclass(frozen=True)
class Pulls:
    """Pulls images from a registry, as Lambda does, and remembers them."""

    tool: ContainerTool
    registry: str
    _pulled: list[str] = field(default_factory=list, init=False)

    def settings_of(self, uri: str) -> Mapping[str, Any]:
        """Pull an image, and return the emulator's settings for it."""
        image = f"{self.registry}/{uri.partition('/')[2]}"
        if self.tool.inspect(image) is None:
            plainly = ["--tls-verify=false"] if self.tool.kind == "podman" else []
            self.tool.ask("pull", *plainly, image)
            self._pulled.append(image)
        return {"image": image}

    def forget(self) -> None:
        """Remove the registry's names from all images here; images without other names go."""
        filters = ("--filter", f"reference={self.registry}/*")
        tags = self.tool.ask("images", *filters, "--format", "{{.Repository}}:{{.Tag}}").split()
        # By digest only if it was pulled by it: podman removes an image by a digest it computed
        # itself.
        known = [tag for tag in tags if tag.startswith(f"{self.registry}/")]
        for name in dict.fromkeys([*known, *self._pulled]):
            with contextlib.suppress(ContainerToolFailed):
                self.tool.ask("rmi", name)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return
        time.sleep(0.05)
    raise RegistryError(f"expected {PROGRAM} to answer, it did not in {_PATIENCE_S:.0f} s")
