"""The field's own clients, unmodified: through each of Lambda's fronts, and plain HTTP.

They are in an environment of their own, build/clients, which `make test` sets up.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local.gateway import FRONTS
from infra.local.server import LocalLambda
from infra.settings import FUNCTION_FILE, read
from infra.settings.front import FrontConfig
from tests import ROOT
from tests.conftest import absent
from tests.function.http.form_bodies import sample
from tests.function.test_serve import Served

PYTHON = ROOT / "build" / "clients" / "bin" / "python"
ROW = [5.1, 3.5, 1.4, 0.2]

TRITON = """
import asyncio, sys
import numpy as np
import tritonclient.http as http
from tritonclient.http import aio

rows = http.InferInput("rows", [1, 4], "FP32")
asked = {"inputs": [rows], "request_id": "7"}
for url in sys.argv[1:]:
    client = http.InferenceServerClient(url)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("iris")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data", "classification"]
    assert client.get_model_metadata("iris", "1")["inputs"][0]["shape"] == [-1, 4]
    for binary in (True, False):
        rows.set_data_from_numpy(np.array([ROW], np.float32), binary_data=binary)
        wanted = http.InferRequestedOutput("probabilities", binary_data=binary)
        for outputs in (None, [wanted]):
            result = client.infer("iris", outputs=outputs, **asked)
            assert result.as_numpy("probabilities").argmax() == 0
            assert result.get_response()["id"] == "7"
    best = http.InferRequestedOutput("probabilities", class_count=1)
    result = client.infer("iris", outputs=[best], **asked)
    assert result.as_numpy("probabilities")[0, 0].endswith(b":0:setosa")
    try:
        client.infer("nosuch", **asked)
    except Exception as error:
        assert error.status() == "404" and error.message().startswith("model: expected one of")

    async def infer():
        async with aio.InferenceServerClient(url) as client:
            return await client.infer("iris", **asked)

    assert asyncio.run(infer()).as_numpy("probabilities").argmax() == 0
"""
KSERVE = """
import asyncio, sys
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

async def main(url):
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(url) and await client.is_server_ready(url)
    assert await client.is_model_ready(url, "iris")
    for binary in (True, False):
        rows = InferInput("rows", [1, 4], "FP32")
        rows.set_data_from_numpy(np.array([ROW], np.float32), binary_data=binary)
        request = InferRequest(model_name="iris", infer_inputs=[rows])
        answer = await client.infer(url, request, model_name="iris")
        assert answer.outputs[0].as_numpy().argmax() == 0
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await client.is_model_ready(url, "iris")
    answer = await client.infer(url, {"instances": [ROW]}, model_name="iris")
    assert answer["predictions"][0][0] > 0.99

for url in sys.argv[1:]:
    asyncio.run(main("http://" + url))
"""
MLFLOW = """
import sys
import numpy as np, pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

names = [f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width")]
for url in sys.argv[1:]:
    client = ScoringServerClient(*url.split(":"))
    client.ping()
    assert client.get_version()
    for data in (pd.DataFrame([ROW, ROW], columns=names), np.array([ROW, ROW])):
        assert list(client.invoke(data).get_predictions()["label"]) == ["setosa", "setosa"]
"""
MLSERVER = """
import sys
from pathlib import Path
from mlserver.cli.main import root

requests = Path(sys.argv[1])
for index, url in enumerate(sys.argv[2:]):
    paths = ["-i", str(requests), "-o", str(requests.with_name(f"{index}.jsonl"))]
    root.main(["infer", "-u", url, "-m", "iris", "-s", "2", *paths], standalone_mode=False)
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[LocalLambda]:
    """Start the local Lambda."""
    with LocalLambda(read(ROOT / FUNCTION_FILE)) as running:
        yield running


@pytest.fixture(scope="module")
def fronts(emulator: LocalLambda) -> list[str]:
    """Open every front; the REST API hands all bodies over as base64."""
    settings = FrontConfig(binary_media_types=("*/*",))
    return [emulator.front(kind, settings).removeprefix("http://") for kind in FRONTS]


@pytest.fixture
def only_iris(emulator: LocalLambda) -> Iterator[None]:
    """Serve one model, which /invocations then takes without its name."""
    config = emulator.config
    emulator.change(config.replace(environment={"LAMBAKE_MODELS": "iris"}))
    yield
    emulator.change(config)


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """Start plain HTTP with one model."""
    server = Served(LAMBAKE_MODELS="iris")
    yield server.url.removeprefix("http://")
    server.close()


def run(*arguments: str) -> None:
    """Run a program of the clients' environment."""
    if not PYTHON.exists():
        absent(f"expected {PYTHON}, found none: make build/clients")
    done = subprocess.run([PYTHON, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", [TRITON, KSERVE], ids=["triton", "kserve"])
def test_clients_of_tensors(fronts: list[str], plain: str, code: str) -> None:
    """Triton's client, synchronous and not, and KServe's by both protocols: JSON and binary."""
    run("-c", f"ROW = {ROW}\n{code}", *fronts, plain)


@pytest.mark.usefixtures("only_iris")
def test_mlflow(fronts: list[str], plain: str) -> None:
    """MLflow's scoring client posts frames and arrays to the only model."""
    run("-c", f"ROW = {ROW}\n{MLFLOW}", *fronts, plain)


def test_mlserver(fronts: list[str], plain: str, tmp_path: Path) -> None:
    """`mlserver infer` works through a file of requests, in small batches."""
    tensor = {"name": "rows", "shape": [1, 4], "datatype": "FP32", "data": ROW}
    requests = tmp_path / "in.jsonl"
    requests.write_text(f"{json.dumps({'inputs': [tensor]})}\n" * 4)
    urls = (*fronts, plain)
    run("-c", MLSERVER, str(requests), *urls)
    for answers in (tmp_path / f"{index}.jsonl" for index in range(len(urls))):
        found = [json.loads(line) for line in answers.read_text().splitlines()]
        assert [one["outputs"][0]["shape"] for one in found] == [[1, 3]] * 4


def test_boto3(fronts: list[str], plain: str) -> None:
    """boto3's runtime client of SageMaker, with this service as its endpoint."""
    for url in (*fronts, plain):
        client: Any = boto3.client(
            "sagemaker-runtime",
            endpoint_url=f"http://{url}",
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        for name, media_type, body, label in (
            ("iris", "text/csv", b"5.1,3.5,1.4,0.2\n", "setosa"),
            ("digits", "image/png", sample(7), "7"),
        )[: 1 if url == plain else 2]:
            reply = client.invoke_endpoint(EndpointName=name, ContentType=media_type, Body=body)
            assert json.load(reply["Body"])["predictions"][0]["label"] == label
        known = r"model: expected one of (digits, )?iris"
        with pytest.raises(client.exceptions.ClientError, match=known):
            client.invoke_endpoint(EndpointName="nosuch", Body=b"{}")
