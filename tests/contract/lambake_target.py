"""Our own emulator as a target."""

from __future__ import annotations

from infra.local.server import LocalLambda
from infra.settings.function import FunctionConfig
from tests.contract.target import MEMORY_MB, NAME, Running, Spec
from tests.infra.local.processes import note_stream


class LambakeRunning:
    """A function that LocalLambda serves."""

    path = f"/2015-03-31/functions/{NAME}/invocations"

    def __init__(self, local: LocalLambda) -> None:
        self._local = local
        local.listen(note_stream)
        local.__enter__()

    @property
    def url(self) -> str:
        """The Invoke API's address."""
        return self._local.invoke_url

    def logs(self) -> list[str]:
        """Return the log so far."""
        return self._local.logs

    def close(self) -> None:
        """Stop it."""
        self._local.__exit__(None, None, None)


class LambakeTarget:
    """LocalLambda in this process: it serves a folder of code, or an image."""

    name = "lambake"

    def __init__(self, image: str | None = None) -> None:
        self._image = image

    def start(self, spec: Spec) -> Running:
        """Serve a function."""
        config = FunctionConfig(
            handler=spec.handler,
            root=spec.root,
            image=self._image,
            name=NAME,
            memory_mb=MEMORY_MB,
            timeout_s=spec.timeout_s,
            concurrency=spec.concurrency,
            reserved_concurrency=spec.concurrency,
            init_limit_s=spec.init_limit_s,
            isolated=spec.isolated and self._image is None,  # a container is anyway
            environment=spec.environment,
            aliases=spec.aliases,
        )
        return LambakeRunning(LocalLambda(config))
