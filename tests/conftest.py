"""What every test gets: a fake AWS environment, no network, and a profile for Hypothesis."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import logging
import os
import shutil
import socket
import sys
from collections.abc import Callable, Generator, Iterator
from typing import Any, NoReturn

import pytest
from botocore.loaders import JSONFileLoader, Loader
from hypothesis import HealthCheck, settings

from tests import ROOT
from tests.schedule import ByFile, from_own_part

STRICT = os.environ.get("STRICT") == "1"
"""Whether this is CI, where nothing is skipped and every run tries the same examples."""

# No deadlines: the machines are shared and noisy.
settings.register_profile(
    "lambake",
    deadline=None,
    max_examples=60,
    derandomize=STRICT,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("lambake")

FAKE_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
GC_THRESHOLD = gc.get_threshold()
LOCAL = ("127.0.0.1", "::1", "localhost", "0.0.0.0")


@pytest.hookimpl(optionalhook=True)  # pytest -p no:xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Schedule so."""
    return ByFile(config, log)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Import the test files, each process of a whole run from another one onwards.

    pytest compiles each file at its first import, half a minute for all of them. In one order every
    process would compile every file; so each finds most of them compiled by the others.
    """
    gc.set_threshold(0)  # until all are collected; function/entry.py would enable what is disabled
    config = session.config
    if hasattr(config, "workerinput") and config.args == config.getini("testpaths"):
        files = [one.relative_to(ROOT) for one in sorted(ROOT.glob("tests/**/test_*.py"))]
        for file in from_own_part(files, **config.workerinput):
            with contextlib.suppress(Exception):  # the collection says what is wrong
                importlib.import_module(".".join(file.with_suffix("").parts))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the search for garbage pass over what is imported and collected, until the end."""
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)


HEAVY = frozenset({"tensorflow", "keras", "cfnlint"})
"""Takes seconds to import, and every process of a run collects every test: imported by the tests
that need it, when they run."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail a run whose test files import what is heavy."""
    imported = sorted(HEAVY.intersection(sys.modules))
    if imported:
        raise pytest.UsageError(f"expected no test file to import {', '.join(imported)}")


@pytest.fixture(autouse=True, scope="session")
def _fake_aws() -> Iterator[None]:
    """Hide the developer's own settings and credentials, so that no test can use them."""
    with pytest.MonkeyPatch.context() as patch:
        for key in list(os.environ):
            if key.startswith(("AWS_", "LAMBAKE_")):
                patch.delenv(key)
        for key, value in FAKE_AWS.items():
            patch.setenv(key, value)
        yield


@pytest.fixture(autouse=True, scope="session")
def _models_read_once() -> Iterator[None]:
    """Find and parse each of botocore's service models once in a process: every session does."""
    read = functools.cache(JSONFileLoader().load_file)

    list_services: Callable[[Loader, str], list[str]] = Loader.list_available_services
    services: dict[tuple[str, ...], list[str]] = {}

    def listed(self: Loader, type_name: str) -> list[str]:
        key = type_name, *self.search_paths
        if key not in services:
            services[key] = list_services(self, type_name)
        return services[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        patch.setattr(Loader, "list_available_services", listed)
        # The simulated clouds' server writes a line a request.
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Refuse connections that leave this machine."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOCAL:
            raise OSError(f"expected no network in tests, got a connection to {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield


def require_tool(name: str) -> str:
    """Find a program that a test needs.

    Returns:
        Its path. Where it is absent the test is skipped, or fails if STRICT=1 is set.
    """
    path = shutil.which(name)
    if path is None:
        absent(f"expected the program {name} on the PATH, found none")
    return path


def absent(reason: str) -> NoReturn:
    """Skip the test for want of something, or fail it if STRICT=1 is set."""
    if STRICT:
        pytest.fail(reason)
    pytest.skip(reason)
