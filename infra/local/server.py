"""LocalLambda: start the whole emulator, and stop it without leaving anything behind.

One event loop in one thread runs the broker, the Runtime API, the Invoke API and the HTTP front.
Callers in other threads use HTTP or `invoke`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from starlette.types import ASGIApp

from infra.local.broker import InvokeRequest, InvokeResult
from infra.local.clock import Clock, SystemClock
from infra.local.errors import PortTaken, StartError
from infra.local.gateway import GATEWAY_LIMITS, gateway_app, refusal_by
from infra.local.http.callers import Callers
from infra.local.http.connection import Limits
from infra.local.http.server import Address, serving
from infra.local.invoke.api import invoke_app
from infra.local.invoke.asynchronous import EventQueue
from infra.local.invoke.destinations import Deliver, deliverer
from infra.local.logs import Listener, Log
from infra.local.revisions import Revisions
from infra.local.watched import Watch, unwatched
from infra.settings.errors import ConfigError
from infra.settings.front import FrontConfig
from infra.settings.function import FunctionConfig

T = TypeVar("T")

# Far above what is accepted, so that the Invoke API itself refuses, in the service's words.
_INVOKE_LIMITS = Limits(body_bytes=64 * 1024 * 1024, body_timeout_s=300.0)


class LocalLambda:
    """One function, served as AWS serves it. A context manager: ready once entered."""

    def __init__(
        self,
        config: FunctionConfig,
        port: int = 0,
        invoke_port: int = 0,
        *,
        host: str = "127.0.0.1",
        clock: Clock | None = None,
        deliver: Deliver | None = None,
    ) -> None:
        """Describe what to start.

        Args:
            config: the function.
            port: the HTTP front's; 0 takes any free one.
            invoke_port: the Invoke API's; 0 takes any free one.
            host: the address to listen on; any but 127.0.0.1 lets others run your function.
            clock: time; tests inject it.
            deliver: sends results of asynchronous invocations; tests inject it.
        """
        self.config = config
        self._ports = (port, invoke_port)
        self._host = host
        self._clock = clock or SystemClock()
        self._deliver = deliver or deliverer(config)
        self._log = Log()
        self._watch: Watch = unwatched
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._revisions: Revisions | None = None
        self._events: EventQueue | None = None
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._addresses: tuple[Address, Address] | None = None
        self._fronts: dict[str, Address] = {}
        self._servers = contextlib.AsyncExitStack()

    @property
    def url(self) -> str:
        """The HTTP front's address."""
        return self._started(self._addresses)[0].url

    @property
    def invoke_url(self) -> str:
        """The Invoke API's address, for boto3's endpoint_url."""
        return self._started(self._addresses)[1].url

    @property
    def logs(self) -> list[str]:
        """Everything logged so far (the last 10,000 lines) as text."""
        return [line.text for line in self._log.lines()]

    @property
    def environments(self) -> int:
        """How many environments exist now."""
        return self._started(self._revisions).environments

    @property
    def under_way(self) -> int:
        """How many invocations are waiting or running."""
        return self._started(self._revisions).under_way

    def listen(self, listener: Listener) -> None:
        """Call the listener with each log line, in the emulator's own thread."""
        self._log.listen(listener)

    def watch(self, watch: Watch) -> None:
        """Tell of each request at the front, in the emulator's thread; call it before the start."""
        self._watch = watch

    def invoke(self, request: InvokeRequest, *, patient: bool = True) -> InvokeResult:
        """Run one invocation from another thread, without the Invoke API."""
        return self._run(self._started(self._revisions).invoke(request, patient=patient))

    def change(self, config: FunctionConfig) -> None:
        """Serve a function of other settings from now on, and lose no invocation.

        Its name, account and region, its ports and its front stay.

        Raises:
            ConfigError: the function's folder or interpreter does not exist; nothing changes then.
        """
        self._check(config)
        self._run(self._started(self._revisions).start(config))
        self.config = self._started(self._events).config = config

    def front(self, kind: str, settings: FrontConfig, qualifier: str | None = None) -> str:
        """Return the address of one more front, opened by the first call.

        Args:
            kind: one of gateway.FRONTS.
            settings: the front's.
            qualifier: the version or alias that it invokes.
        """
        return self._run(self._open_front(kind, settings, qualifier=qualifier)).url

    def drained(self) -> None:
        """Wait until no asynchronous invocation is queued or running."""
        self._run(self._started(self._events).drained())

    def __enter__(self) -> Self:
        """Start everything; ready when this returns.

        Raises:
            PortTaken: a port is in use.
            ConfigError: the function's folder or interpreter does not exist.
        """
        self._check(self.config)
        self._thread = threading.Thread(target=self._work, name="lambake-local")
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything; no process, port or file is left."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()

    @staticmethod
    def _check(config: FunctionConfig) -> None:
        if config.image is None and not config.root.is_dir():
            raise ConfigError("root", "a folder", str(config.root))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._started(self._loop)).result()

    @staticmethod
    def _started(value: T | None) -> T:
        if value is None:
            raise StartError("expected a started LocalLambda: use it in a with statement")
        return value

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as exc:  # noqa: BLE001 - raised again by __enter__
            self._failure = exc
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        with tempfile.TemporaryDirectory(prefix="lambake-", ignore_cleanup_errors=True) as folder:
            config = self.config
            revisions = Revisions(self._clock, self._log, Path(folder))
            events = EventQueue(config, self._clock, revisions.invoke_patiently, self._deliver)
            self._revisions, self._events = revisions, events
            api = invoke_app(config, revisions.invoke, events.accept)
            port, invoke_port = self._ports
            try:
                await revisions.start(config)
                async with self._servers as servers:
                    front = await self._open_front(config.front, config.front_settings, port)
                    invoke = await servers.enter_async_context(
                        self._listening(
                            api,
                            invoke_port,
                            "--invoke-port PORT, or make run INVOKE_PORT=PORT",
                            callers=callers_of(config, config.front_settings),
                            limits=_INVOKE_LIMITS,
                        )
                    )
                    self._addresses = (front, invoke)
                    self._ready.set()
                    await self._stop.wait()
                    await events.close()
                    # Before the servers: waiting callers get an answer.
                    await revisions.close()
            finally:
                await revisions.close()

    async def _open_front(
        self, kind: str, settings: FrontConfig, port: int = 0, qualifier: str | None = None
    ) -> Address:
        async def invoke(request: InvokeRequest) -> InvokeResult:
            named = replace(request, qualifier=qualifier)
            return await self._started(self._revisions).invoke_patiently(named)

        key = f"{kind} {qualifier} {settings!r}"
        if key not in self._fronts:
            app = gateway_app(invoke, settings, kind, watch=self._watch)
            server = self._listening(
                app,
                port,
                "--port PORT, or make run PORT=PORT",
                callers=callers_of(self.config, settings),
                limits=GATEWAY_LIMITS,
                refusal=refusal_by(kind),
                watch=self._watch,
            )
            self._fronts[key] = await self._servers.enter_async_context(server)
        return self._fronts[key]

    @contextlib.asynccontextmanager
    async def _listening(
        self, app: ASGIApp, port: int, option: str, **options: Any
    ) -> AsyncIterator[Address]:
        server = serving(app, self._host, port, **options)
        async with contextlib.AsyncExitStack() as stack:
            try:
                address = await stack.enter_async_context(server)
            except OSError as exc:
                if exc.errno == errno.EADDRINUSE:
                    raise PortTaken(self._host, port, option) from exc
                raise StartError(f"cannot listen on {self._host}:{port}: {exc.strerror}") from exc
            yield address


def callers_of(config: FunctionConfig, front: FrontConfig) -> Callers:
    """Return who may call: pages of the machine itself, and those that the settings name."""
    cors = front.cors
    return Callers(
        config.allowed_hosts, config.allowed_origins + (cors.allow_origins if cors else ())
    )
