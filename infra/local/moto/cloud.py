"""
A cloud in a box: a moto server in which image functions really run.

    with cloud(config, port=5000) as box:
        boto3.client("lambda", endpoint_url=box.url, ...)
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

import boto3
from moto.server import ThreadedMotoServer

from infra.local.errors import PortTaken
from infra.local.function import FunctionConfig
from infra.local.moto.plugin import ImageFunctions

DEFAULT_PORT = 5000


@dataclass(frozen=True)
class Cloud:
    """
    A running cloud: where it is, and what runs its functions.
    """

    url: str
    functions: ImageFunctions


@contextlib.contextmanager
def cloud(
    config: FunctionConfig, *, host: str = "127.0.0.1", port: int = DEFAULT_PORT
) -> Iterator[Cloud]:
    """
    Start a moto server with the emulator behind its Lambda.

    Functions get AWS_ENDPOINT_URL, so that their own boto3 clients talk to the same cloud.

    Args:
        config: the code that stands for every image, see plugin.ImageFunctions.
        host: whom to listen to; anything but 127.0.0.1 lets others run your function.
        port: 0 takes a free one.

    Raises:
        PortTaken: the port is in use.
    """
    with _moto_server(host, port) as url:

        def client(service: str, region: str) -> Any:
            return boto3.session.Session().client(  # type: ignore[call-overload]
                service,
                region_name=region,
                endpoint_url=url,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",  # noqa: S106 - moto takes any
            )

        variables = {"AWS_ENDPOINT_URL": url}
        with ImageFunctions(config, variables=variables, client=client) as functions:
            yield Cloud(url, functions)


@contextlib.contextmanager
def _moto_server(host: str, port: int) -> Iterator[str]:
    # moto's thread would die silently on a port in use, and its start would wait for ever.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(host, port, "--port") from error
    server = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
    server.start()
    try:
        at, taken = server.get_host_and_port()
        yield f"http://{at}:{taken}"
    finally:
        server.stop()
        server._server.server_close()  # stop() leaves the port open


def run_cloud(
    config: FunctionConfig,
    *,
    stop: threading.Event,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    out: TextIO = sys.stdout,
) -> int:
    """
    Serve a cloud until told to stop (`python -m infra cloud`).

    Returns:
        The process's exit status.
    """
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with cloud(config, host=host, port=port) as box:
        out.write(
            f"cloud:  {box.url}\n"
            f"        export AWS_ENDPOINT_URL={box.url}\n"
            f"images: every function of PackageType Image runs {config.handler}"
            f" from {config.root}\n"
        )
        out.flush()
        stop.wait()
    return 0
