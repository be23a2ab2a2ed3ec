"""Send a sample request through the local HTTP front and return the answer."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

from infra.settings import Sample

_PATIENCE_S = 60.0


def send_sample(url: str, sample: Sample) -> tuple[int, str]:
    """Post a file's bytes unchanged, with the content type of its name.

    Returns:
        The answer's status and its text; JSON is indented.

    Raises:
        ConfigError: the file cannot be read.
    """
    body = sample.read()
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_PATIENCE_S)
    try:
        headers = {"Content-Type": sample.media_type}
        connection.request("POST", sample.path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, _readable(response.read())
    finally:
        connection.close()


def _readable(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
