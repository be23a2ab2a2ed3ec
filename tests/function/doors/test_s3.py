"""The bucket's door answers every event: transient failures are raised, permanent ones written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from function.aws import aws_client
from function.doors.s3 import S3Door
from function.errors import MalformedError, StorageError
from function.service import Served, Service
from function.telemetry.invocation import Invocation, under_way
from model.errors import EngineError
from tests import ROOT
from tests.function.conftest import CONTEXT, FakeContext
from tests.function.http.form_bodies import sample
from tests.function.json_values import JSON
from tests.function.objects.buckets import (
    PREDICTION,
    ROW,
    Failing,
    event,
    keys,
    objects_by,
    put,
    read,
    record,
    refused,
)
from tests.infra.cloud.clouds import bucket, client_of, moto_server


def door_to(service: Service, client: Any) -> S3Door:
    """Build the door."""
    return S3Door(objects_by(service, client))


def test_a_new_object(s3: Any, service: Service, pictures: str) -> None:
    """A new object gets a result object, and the reply is its summary."""
    reply = door_to(service, s3).answer(event(put(s3, pictures, "in/iris/a b.csv", ROW)), CONTEXT)
    assert reply == {
        "results": [
            {
                "source": f"s3://{pictures}/in/iris/a b.csv",
                "result": f"s3://{pictures}/out/iris/a b.csv.jsonl",
                "model": "iris",
                "version": "1",
                "count": 1,
                "failed": 0,
            }
        ]
    }
    assert read(s3, pictures, "out/iris/a b.csv.jsonl") == [{"line": 1} | PREDICTION]


@pytest.mark.parametrize(
    "nothing",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "pictures"},
        event(record("pictures", "in/digits/7.png") | {"eventName": "ObjectRemoved:Delete"}),
        event(),
    ],
    ids=["test event", "removal", "no records"],
)
def test_nothing_to_do(service: Service, nothing: dict[str, Any]) -> None:
    """A test event and a removal are answered, and S3 is not asked."""
    client = Failing(None)
    assert door_to(service, client).answer(nothing, CONTEXT) == {"results": []}
    assert client.called == []


def test_a_fault_that_stays(s3: Any, service: Service, pictures: str) -> None:
    """A picture that is none is written so and does not fail the invocation, which would repeat."""
    records = [
        put(s3, pictures, "in/digits/none.png", b"none"),
        put(s3, pictures, "in/digits/7.png", sample(7)),
    ]
    invocation = Invocation("1", "s3", cold=False)
    with under_way(invocation):
        first, second = door_to(service, s3).answer(event(*records), CONTEXT)["results"]
    assert first["error"]["type"] == "FormatError"
    assert read(s3, pictures, "out/digits/none.png.json") == {"error": first["error"]}
    assert second["count"] == 1
    assert (invocation.error, invocation.count) == ("FormatError", 2)


def test_a_fault_that_passes(s3: Any, service: Service, pictures: str) -> None:
    """A busy bucket fails the invocation, so that it is repeated, once the others are done."""

    def get(real: Any, **parameters: Any) -> Any:
        if parameters["Key"].endswith("busy.png"):
            raise refused("SlowDown", 503)
        return real(**parameters)

    records = [put(s3, pictures, f"in/digits/{name}", sample(7)) for name in ("busy.png", "7.png")]
    with pytest.raises(StorageError, match="got SlowDown"):
        door_to(service, Failing(s3, get_object=get)).answer(event(*records), CONTEXT)
    assert [key for key in keys(s3, pictures) if key.startswith("out/")] == [
        "out/digits/7.png.json"
    ]
    reply = door_to(service, s3).answer(event(*records), CONTEXT)
    assert [one.get("skipped") for one in reply["results"]] == [None, "answered already"]


def test_a_fault_that_cannot_be_written(s3: Any, service: Service, pictures: str) -> None:
    """If not even the failure can be written the invocation fails: it must not be lost."""
    client = Failing(s3, put_object=refused("SlowDown", 503))
    records = [put(s3, pictures, "in/digits/none.png", b"none")]
    with pytest.raises(StorageError, match="a bucket that takes the result, got SlowDown"):
        door_to(service, client).answer(event(*records), CONTEXT)


def test_a_model_that_fails(
    s3: Any, service: Service, pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing engine fails the invocation, which is repeated, and leaves no result."""

    def broken(*_: Any) -> None:
        raise EngineError("onnx failed: secret")

    monkeypatch.setattr(Served, "predict", broken)
    with pytest.raises(EngineError):
        door_to(service, s3).answer(event(put(s3, pictures, "in/iris/a.csv", ROW)), CONTEXT)
    assert keys(s3, pictures) == ["in/iris/a.csv"]


def test_one_answer_a_key(s3: Any, service: Service, pictures: str) -> None:
    """Of several events of a key only the newest costs a prediction."""
    records = [
        put(s3, pictures, "in/digits/7.png", sample(digit), f"0{digit}") for digit in (3, 0, 7)
    ]
    client = Failing(s3)
    reply = door_to(service, client).answer(event(*reversed(records)), CONTEXT)
    assert (len(reply["results"]), client.called.count("get_object")) == (1, 1)
    assert read(s3, pictures, "out/digits/7.png.json")["predictions"][0]["label"] == "7"


def test_a_malformed_event(service: Service) -> None:
    """An event with one malformed record is refused before anything is done."""
    client = Failing(None)
    with pytest.raises(MalformedError, match=r"^Records\[1\]: expected a record of aws:s3"):
        door_to(service, client).answer(event(record("pictures", "in/iris/a.csv"), 7), CONTEXT)
    assert client.called == []


MARK = "zqMARKERqz"
RECORDS = st.one_of(
    JSON,
    st.builds(
        lambda key, described: record("pictures", key, **described),
        st.sampled_from(["in/", "out/", "in/iris/", ""]).flatmap(
            lambda start: st.text(
                st.characters(exclude_categories=["Cs"]), max_size=20
            ).map(lambda end: start + MARK + end)
        ),
        st.dictionaries(st.sampled_from(["size", "eTag", "versionId", "sequencer"]),
                        JSON | st.just(MARK) | st.just("0A"), max_size=2),
    ),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(RECORDS, max_size=3))
def test_any_event(
    s3: Any, service: Service, capfd: pytest.CaptureFixture[str], records: list[Any]
) -> None:
    """Whatever a notification says, it is answered or refused, and its keys are in no log."""
    s3.create_bucket(Bucket="pictures")  # once, or again
    refusal = ""
    try:
        reply = door_to(service, s3).answer(event(*records), CONTEXT)
    except MalformedError as error:
        reply, refusal = {}, str(error)
    refusal += json.dumps([one.get("error") for one in reply.get("results", [])])
    assert MARK not in refusal + "".join(capfd.readouterr())


def test_the_real_client(s3: Any, service: Service, pictures: str) -> None:
    """What `aws_client` makes serves the door, patiently but not for long."""
    client = aws_client("s3")
    reply = door_to(service, client).answer(
        event(put(s3, pictures, "in/digits/7.png", sample(7))), FakeContext()
    )
    assert reply["results"][0]["count"] == 1
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (3, 10)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}


def test_the_front_door() -> None:
    """The handler, in a process of its own, answers a bucket's event by the real protocol."""
    code = "import json, sys\nfrom function.entry import handler\n" + (
        "class Context:\n"
        "    aws_request_id = '1'\n"
        "    def get_remaining_time_in_millis(self): return 30_000\n"
        "print(json.dumps(handler(json.load(sys.stdin), Context())), file=sys.stderr)\n"
    )
    with moto_server() as endpoint:
        client = client_of("s3", endpoint)
        pictures = bucket(client)
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            input=json.dumps(event(put(client, pictures, "in/digits/7.png", sample(7)))),
            env=os.environ | {"AWS_ENDPOINT_URL": endpoint, "LAMBAKE_PRELOAD_HTTP": "off"},
            capture_output=True,
            check=True,
            text=True,
        )
        assert read(client, pictures, "out/digits/7.png.json")["predictions"][0]["label"] == "7"
    assert json.loads(done.stderr)["results"][0]["count"] == 1
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["source"], line["status"], line["model"]) == ("s3", 200, "digits")


def test_the_sdk_is_imported_late() -> None:
    """Who imports the door pays for the AWS SDK only once a client is made."""
    code = (
        "import sys, function.aws, function.doors.s3, function.objects.process\n"
        "assert not {'boto3', 'botocore'} & sys.modules.keys()\n"
        "function.aws.aws_client('s3')\n"
        "assert 'botocore' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
