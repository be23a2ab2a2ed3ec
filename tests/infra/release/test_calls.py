"""The lines that a deployment ends with, pasted into a shell."""

from __future__ import annotations

import dataclasses
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from infra.release.calls import call_lines
from infra.settings.simulated import CA_PATH
from tests import ROOT
from tests.infra.release.fronts import (
    API,
    TRUSTED,
    Front,
    expected_signature,
    signed_headers,
)
from tests.infra.release.staged import target_at, with_settings

JWT = {"issuer": "https://issuer.example.com", "audience": ["a"]}
SAMPLE = (ROOT / "model/zoo/digits/samples/7.png").read_bytes()


def pasted(lines: list[str], **environment: str) -> str:
    """Have a shell run them, and give what it printed."""
    said = subprocess.run(
        ["sh", "-e", "-c", "\n".join(lines[1:])],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    return said.stdout


def as_ca(folder: Path) -> str:
    """Have a file of the authority that the front is certified by."""
    (folder / "ca.pem").write_bytes(TRUSTED.pem)
    return str(folder / "ca.pem")


@pytest.mark.parametrize("token", ["", "IQoJb3JpZ2luX2VjEJ///+a/b=="])
def test_a_signed_call(front: Front, tmp_path: Path, token: str) -> None:
    """The credentials that the AWS CLI has, lasting or temporary, sign all that curl sends."""
    target = with_settings(target_at(None), root=tmp_path)
    variables = {"ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "testing"}
    variables |= {"SESSION_TOKEN": token} if token else {}
    cli = tmp_path / "aws"
    told = "".join(f"echo 'export AWS_{name}={value}'\n" for name, value in variables.items())
    wanted = "configure export-credentials --format env"
    cli.write_text(f'#!/bin/sh\n[ "$*" = "{wanted}" ] || exit 1\n{told}')
    cli.chmod(0o755)
    lines = call_lines(target, API, "iam")
    assert lines[0] == "to call it:"
    path = f"{tmp_path}:{os.environ['PATH']}"
    pasted(lines, PATH=path, HTTPS_PROXY=front.url, CURL_CA_BUNDLE=as_ca(tmp_path))
    ((path, headers, body),) = front.got
    assert (path, body) == ("/models/digits/predict", SAMPLE)
    signed = ["content-type", "host", "x-amz-date", *(["x-amz-security-token"] if token else [])]
    assert signed_headers(headers) == signed
    assert headers.get("x-amz-security-token", "") == token
    assert headers["content-type"] == "image/png"
    signature = headers["authorization"].rpartition("Signature=")[2]
    assert signature == expected_signature(path, headers, body)
    assert signature != expected_signature(path, headers, b"another")


@pytest.mark.parametrize(("auth", "authorization"), [("jwt", "Bearer abc"), ("none", None)])
def test_a_call_that_is_not_signed(
    front: Front, tmp_path: Path, auth: str, authorization: str | None
) -> None:
    """A token is sent as the environment has it; an open API takes the sample as it is."""
    target = with_settings(target_at(None), root=tmp_path)
    lines = call_lines(target, f"{API}/", auth)
    pasted(lines, TOKEN="abc", HTTPS_PROXY=front.url, CURL_CA_BUNDLE=as_ca(tmp_path))
    ((path, headers, body),) = front.got
    assert (path, body) == ("/models/digits/predict", SAMPLE)
    assert headers.get("authorization") == authorization


@pytest.mark.parametrize("auth", ["iam", "jwt", "none"])
def test_a_simulated_cloud(front: Front, tmp_path: Path, auth: str) -> None:
    """It tells its authority first, and is the proxy; nothing of the environment is needed."""
    target = with_settings(front.target(), root=tmp_path)  # a project of its own
    there = dataclasses.replace(target, simulated=f"{front.url}/")  # as some type an address
    lines = call_lines(there, API, auth)
    assert lines[1].endswith(f" {front.url}{CA_PATH}")
    assert '"label": "7"' in pasted(lines)
    ((_, headers, _),) = front.got
    assert headers["host"] == API.removeprefix("https://")
    assert ("Credential=simulated/" in headers.get("authorization", "")) == (auth == "iam")


def test_by_invoke() -> None:
    """A row that a model of the project takes, by the stage; other settings are named."""
    target = with_settings(target_at("http://127.0.0.1:5000", stage="prod"), sample=None)
    line = call_lines(target, API, "iam")[1]
    assert line == (
        "  .venv/bin/lambake invoke --stage prod --simulated-cloud http://127.0.0.1:5000"
        """ '{"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]}'"""
    )
    theirs = Path("their project", "function.yaml")
    there = dataclasses.replace(target, function_file=theirs.absolute(), simulated=None)
    words = shlex.split(call_lines(with_settings(there, root=target.root), API, "iam")[1])
    assert words[2:6] == ["--stage", "prod", "--function", str(theirs)]


def test_what_does_not_fit_is_not_said(tmp_path: Path) -> None:
    """A project without a sample and without our models has its own ways."""
    target = with_settings(target_at(None), sample=None, root=tmp_path)
    assert call_lines(target, API, "iam") == []
    theirs = {
        "path": "/there?a=1&b=2",
        "file": ROOT / "infra/their sample",
        "content_type": "text/x-their",
    }
    (line,) = call_lines(with_settings(target, sample=theirs), API, "none")[1:]
    assert shlex.split(line)[1:] == [
        "-H",
        "content-type: text/x-their",
        "--data-binary",
        "@infra/their sample",
        f"{API}/there?a=1&b=2",
    ]
