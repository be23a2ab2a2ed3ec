"""How to call a stage: shell lines, made from the sample and a model's golden vector."""

from __future__ import annotations

import json
import os
import shlex
from urllib.parse import urlsplit

from infra.release.hook_package import questions_of
from infra.release.target import Target
from infra.settings import FUNCTION_FILE
from infra.settings.simulated import CA_PATH

_INTO_THE_ENVIRONMENT = 'eval "$(aws configure export-credentials --format env)"'
_KEYS = '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
# One word, or none: curl signs a header without a value, but does not send it.
_OF_A_SESSION = '${AWS_SESSION_TOKEN:+"-Hx-amz-security-token: $AWS_SESSION_TOKEN"}'
_BEARER = '-H "authorization: Bearer $TOKEN"'


def call_lines(target: Target, api_url: str, auth: str) -> list[str]:
    """Return the lines that call a stage, by HTTPS as its `auth` requires, and by Invoke."""
    lines = [*_by_https(target, api_url, auth), *_by_invoke(target)]
    return ["to call it:", *(f"  {line}" for line in lines)] if lines else []


def _by_https(target: Target, api_url: str, auth: str) -> list[str]:
    sample = target.sample
    if sample is None:
        return []
    header = shlex.quote(f"content-type: {sample.media_type}")
    body = shlex.quote(f"@{os.path.relpath(sample.file)}")
    address = shlex.quote(api_url.rstrip("/") + sample.path)
    first, who = [], ""
    if auth == "iam":
        keys = "simulated:simulated" if target.simulated else f"{_KEYS} {_OF_A_SESSION}"
        who = f"--aws-sigv4 aws:amz:{target.region}:execute-api --user {keys}"
        first = [] if target.simulated else [_INTO_THE_ENVIRONMENT]
    elif auth == "jwt":
        who = _BEARER
    way = ""
    if target.simulated:
        cloud = f"http://{urlsplit(target.simulated).netloc}"
        ca = shlex.quote(os.path.relpath(target.root / "build" / "ca.pem"))
        first = [f"curl --create-dirs -so {ca} {cloud}{CA_PATH}"]
        way = f"--proxy {cloud} --cacert {ca}"
    words = ["curl", way, who, "-H", header, "--data-binary", body, address]
    return [*first, " ".join(word for word in words if word)]


def _by_invoke(target: Target) -> list[str]:
    asked = [question["payload"] for question in questions_of(target.root / "model" / "zoo")]
    table = next((payload for payload in asked if "rows" in payload), None)
    if table is None:
        return []
    where = f"--stage {target.stage}"
    if target.simulated:
        where += f" --simulated-cloud {shlex.quote(target.simulated)}"
    function = os.path.relpath(target.function_file)
    if function != str(FUNCTION_FILE):
        where += f" --function {shlex.quote(function)}"
    payload = json.dumps({"model": table["model"], "rows": table["rows"][:1]})
    return [f".venv/bin/lambake invoke {where} {shlex.quote(payload)}"]
