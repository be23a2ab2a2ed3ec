"""A simulated cloud: a moto server in which image functions really run.

    with cloud(config, port=5000) as box:
        boto3.client("lambda", endpoint_url=box.url, ...)

It answers plain HTTP and TLS at the same port.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import backends
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server import werkzeug_app
from moto.server import ThreadedMotoServer

from infra.cloud.apis import apis_answered
from infra.cloud.code import Images, one_code_for_all
from infra.cloud.gaps import gaps_filled
from infra.cloud.guard import guarded
from infra.cloud.machines import machines_run
from infra.cloud.mappings import NO_QUEUE, Client
from infra.cloud.plugin import ImageFunctions
from infra.cloud.queues import queues_locked
from infra.cloud.ready import make_ready
from infra.cloud.replaced import replaced
from infra.cloud.tls import Authority, telling, with_tls
from infra.local import triggers
from infra.local.errors import PortTaken
from infra.local.http.callers import Callers
from infra.local.sandbox.isolation import missing_for_isolation
from infra.local.server import callers_of
from infra.settings import Settings
from infra.settings.function import FunctionConfig
from infra.settings.limits import TIMEOUT_LIMIT_S

DEFAULT_PORT = 5000


@dataclass(frozen=True)
class Cloud:
    """A running cloud: its addresses, and what runs its functions."""

    url: str  # by plain HTTP; the same port answers TLS
    ca: Path  # the certificate of the authority to trust for TLS
    functions: ImageFunctions
    client: Client  # makes a boto3 client of a service in a region


@contextlib.contextmanager
def cloud(
    config: FunctionConfig,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    images: Images = one_code_for_all,
    now_s: Callable[[], float] = time.time,
) -> Iterator[Cloud]:
    """Start a moto server with the emulator behind its Lambda and state machines that really run.

    Functions get AWS_ENDPOINT_URL, so that their own boto3 clients use the same cloud. Any host but
    127.0.0.1 lets others run your function.
    """
    services = frozenset(backends.list_of_moto_modules())
    with (
        replaced(
            (werkzeug_app, "DISABLE_GLOBAL_CORS", True),
            (backends, "list_of_moto_modules", lambda: services),  # moto lists them at each request
        ),
        _moto_server(host, port, callers_of(config, config.front_settings)) as (url, ca),
    ):

        def client(service: str, region: str, **options: Any) -> Any:
            return boto3.session.Session().client(  # type: ignore[call-overload]
                service,
                region_name=region,
                endpoint_url=url,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",  # noqa: S106 - moto takes any
                **options,
            )

        # For a state machine's tasks: the definition says what is retried.
        once = Config(retries={"total_max_attempts": 1}, read_timeout=TIMEOUT_LIMIT_S + 60)
        variables = {"AWS_ENDPOINT_URL": url}
        with (
            gaps_filled(),
            queues_locked(),
            ImageFunctions(
                config, variables=variables, client=client, images=images, now_s=now_s
            ) as functions,
            apis_answered(functions),
            machines_run(functools.partial(client, config=once)),
        ):
            yield Cloud(url, ca, functions, client)


@contextlib.contextmanager
def _moto_server(host: str, port: int, callers: Callers) -> Iterator[tuple[str, Path]]:
    # On a port in use moto's thread would die silently, and its start would wait for ever.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(host, port, "--port PORT") from error
    # moto keeps its state per process: a cloud begins empty and leaves nothing behind.
    moto_api_backend.reset()
    authority = Authority.made()
    context = authority.context(_names())
    server = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
    server.start()
    listening = server._server
    listening.app = guarded(telling(listening.app, authority.pem), callers)
    listening.RequestHandlerClass = with_tls(listening.RequestHandlerClass, context)
    try:
        at, taken = server.get_host_and_port()
        with tempfile.TemporaryDirectory(prefix="lambake-cloud-") as folder:
            ca = Path(folder) / "ca.pem"
            ca.write_bytes(authority.pem)
            yield f"http://{at}:{taken}", ca
    finally:
        server.stop()
        listening.server_close()  # stop() leaves the port open
        moto_api_backend.reset()


def _names() -> list[str]:
    """Return the names in the cloud's certificate: its own, APIs' and Function URLs'."""
    regions = boto3.session.Session().get_available_regions("apigatewayv2")
    apis = [f"*.execute-api.{region}.amazonaws.com" for region in regions]
    urls = [f"*.lambda-url.{region}.on.aws" for region in regions]
    return ["localhost", "127.0.0.1", "::1", *apis, *urls]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence moto's own log lines while the block runs."""
    # A state machine's errors are in its execution's history.
    levels = {"werkzeug": logging.WARNING, "moto.stepfunctions": logging.CRITICAL}
    # A queue may be removed before its mapping: AWS's poller is silent about that too.
    poller = logging.getLogger(triggers.__name__)
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    poller.addFilter(_queue_is_there)
    try:
        yield
    finally:
        poller.removeFilter(_queue_is_there)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _queue_is_there(record: logging.LogRecord) -> bool:
    return not any(
        isinstance(given, ClientError) and given.response["Error"]["Code"] in NO_QUEUE
        for given in (record.args or ())
    )


def run_cloud(
    config: Settings,
    *,
    stop: threading.Event,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    empty: bool = False,
    images: Images = one_code_for_all,
    registry: str | None = None,
    out: TextIO = sys.stdout,
) -> int:
    """Serve a cloud until told to stop (`lambake cloud`), and return the exit status.

    Without a registry (HOST:PORT) one code stands for all images; an `empty` cloud has no function.
    """
    with quiet(), cloud(config, host=host, port=port, images=images) as box:
        # The function to try has no image in a registry.
        tried = "" if empty or registry else _prepare_trial(config, box)
        out.write(
            f"cloud:  {box.url}\n"
            f"        export AWS_ENDPOINT_URL={box.url}\n"
            f"https:  the same port; an API by curl --proxy {box.url} --cacert {box.ca}\n"
            f"images: {_run_how(config, registry)}\n"
            f"zips:   {_run_zips()}\n"
            f"deploy: .venv/bin/lambake deploy --simulated-cloud {box.url}"
            f" --registry {registry or 'HOST:PORT'}\n"
            f"{tried}"
        )
        out.flush()
        stop.wait()
    return 0


def _run_how(config: Settings, registry: str | None) -> str:
    if registry:
        return f"each really runs, pulled from the registry at {registry}"
    return (
        f"none runs: {config.handler} from {config.root} stands for every one\n"
        "        (--images runs them, and has the registry that deploy wants)"
    )


def _run_zips() -> str:
    missing = missing_for_isolation()
    if missing is None:
        return "run isolated: they write nothing but their own /tmp"
    return f"run as you, not in a sandbox ({missing})"


def _prepare_trial(config: Settings, box: Cloud) -> str:
    inputs, results = make_ready(config, box.client)
    where = f"--endpoint-url {box.url} --region {config.region}"
    return f"try:    .venv/bin/lambake bulk {inputs} {results} {where}\n"
