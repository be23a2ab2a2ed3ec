"""`lambake bulk` against the simulated cloud, with the real function behind it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.bulk.errors import BulkError
from infra.bulk.watch import Pace
from infra.cli import main
from infra.cli.bulk import Options, run
from infra.cloud.cloud import Cloud, cloud
from infra.cloud.ready import make_ready
from infra.settings import read
from tests import ROOT
from tests.infra.cloud.clouds import REGION, until

FUNCTION = ROOT / "infra" / "function.yaml"
OUTPUT = re.compile(
    r"bulk:     s3://lambake-in/in/digits/ -> s3://lambake-out/(?P<out>\w+)/, by digits\n"
    r"run:      arn:aws:states:us-east-1:123456789012:execution:lambake-bulk:(?P<name>\S+)\n"
    r"(progress: \d+ of \d+ objects, \d+ under way[^\n]*\n)+"
    r"done:     10 answered, 2 failed\n"
    r"          2 x FormatError, e\.g\. s3://lambake-in/in/digits/none-0\.png\n"
    r"results:  s3://lambake-out/(?P=out)/, each batch's in the files of"
    r" s3://lambake-out/(?P=out)/_runs/[0-9a-f-]+/manifest\.json\n"
)


@pytest.fixture(scope="module")
def box() -> Iterator[Cloud]:
    """The cloud that `lambake cloud` makes, with two files that are no pictures."""
    config = read(FUNCTION)
    with cloud(config, port=0) as made:
        assert make_ready(config, made.client) == (
            "s3://lambake-in/in/digits/",
            "s3://lambake-out/",
        )
        s3 = made.client("s3", REGION)
        for n in range(2):
            s3.put_object(Bucket="lambake-in", Key=f"in/digits/none-{n}.png", Body=b"no picture")
        yield made


@pytest.fixture
def options(box: Cloud) -> Options:
    """What a newcomer would type."""
    return Options(
        inputs="s3://lambake-in/in/digits",
        results="s3://lambake-out",
        endpoint_url=box.url,
        region=REGION,
    )


def stored(box: Cloud, prefix: str) -> dict[str, Any]:
    """Read the result objects below a prefix."""
    s3 = box.client("s3", REGION)
    keys = [e["Key"] for e in s3.list_objects_v2(Bucket="lambake-out", Prefix=prefix)["Contents"]]
    return {
        key.removeprefix(prefix): json.load(s3.get_object(Bucket="lambake-out", Key=key)["Body"])
        for key in keys
        if key.startswith(f"{prefix}in/")
    }


def test_every_picture_of_a_bucket(box: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """The samples are read right, what is no picture gets its error, and the output tells both."""
    folders = ["s3://lambake-in/in/digits", "s3://lambake-out/first"]
    assert main(["bulk", *folders, "--endpoint-url", box.url, "--region", REGION]) == 1
    told = capsys.readouterr()
    assert OUTPUT.fullmatch(told.out), told.out
    results = stored(box, "first/")
    assert len(results) == 12
    for digit in range(10):
        [prediction] = results[f"in/digits/{digit}.png.json"]["predictions"]
        assert prediction["label"] == str(digit)
    for n in range(2):
        assert results[f"in/digits/none-{n}.png.json"]["error"]["type"] == "FormatError"


def test_ctrl_c_leaves_it_running(box: Cloud, options: Options) -> None:
    """Ctrl-C says how to look again; the command it names finds the same run, and its outcome."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    out = io.StringIO()
    wish = replace(options, results="s3://lambake-out/second", model="digits", batch=3)
    assert run(wish, out, Pace(sleep=interrupt)) == 130
    found = re.search(r"\nthe run goes on; to look again: lambake (.*)\n", out.getvalue())
    assert found
    again = found[1].split()
    name = again[again.index("--name") + 1]
    execution = f"arn:aws:states:us-east-1:123456789012:execution:lambake-bulk:{name}"
    assert again == [
        *("bulk", "s3://lambake-in/in/digits", "s3://lambake-out/second", "--name", name),
        *("--model", "digits", "--batch", "3", "--endpoint-url", box.url, "--region", REGION),
    ]
    stop = f"aws stepfunctions stop-execution --execution-arn {execution} --endpoint-url {box.url}"
    assert out.getvalue().endswith(f"to stop it:    {stop}\n")
    assert main(again) == 1
    states = box.client("stepfunctions", REGION)
    assert main(again) == 1, "also when it has ended"
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:lambake-bulk"
    names = [one["name"] for one in states.list_executions(stateMachineArn=machine)["executions"]]
    assert names.count(name) == 1


def test_another_task_of_the_same_name(options: Options) -> None:
    """A name stands for one task: with another prefix it is refused."""
    wish = replace(options, results="s3://lambake-out/third", name="third")
    assert run(wish, io.StringIO()) == 1
    with pytest.raises(BulkError) as refused:
        run(replace(wish, version="2"), io.StringIO())
    assert str(refused.value) == (
        "expected a new name, or the task that third had before: choose another with --name"
    )


def test_a_run_that_was_stopped(box: Cloud, options: Options) -> None:
    """A run that someone stops is told as such, and is no success."""

    def stop(_: float) -> None:
        arn = "arn:aws:states:us-east-1:123456789012:execution:lambake-bulk:halted"
        states = box.client("stepfunctions", REGION)
        states.stop_execution(executionArn=arn)
        until(lambda: states.describe_execution(executionArn=arn)["status"] == "ABORTED")

    out = io.StringIO()
    functions = box.client("lambda", REGION)
    functions.put_function_concurrency(FunctionName="lambake", ReservedConcurrentExecutions=0)
    try:
        wish = replace(options, results="s3://lambake-out/fourth", name="halted")
        assert run(wish, out, Pace(sleep=stop)) == 1
    finally:
        functions.delete_function_concurrency(FunctionName="lambake")
    assert "\nstopped:  ABORTED" in out.getvalue()


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_a_terminal_has_one_line_of_progress(options: Options) -> None:
    """On a terminal the line is written over, at each look."""
    out = Terminal()
    run(replace(options, results="s3://lambake-out/fifth"), out)
    shown = out.getvalue().split("\r\x1b[K")
    assert len(shown) > 2
    assert shown[-1].startswith("progress: 12 of 12 objects, 0 under way")
    assert "\ndone:     10 answered" in shown[-1]


WRONG = [
    (
        {"inputs": "lambake-in/in/digits"},
        "expected s3://BUCKET/PREFIX, a bucket of 3 to 63 small letters, got lambake-in/in/digits",
    ),
    (
        {"results": "s3://lambake-in/in/digits/out"},
        "expected results outside s3://lambake-in/in/digits/, got s3://lambake-in/in/digits/out/",
    ),
    ({"inputs": "s3://lambake-in"}, "expected --model, or a folder named like one: "),
    ({"inputs": "s3://lambake-in/not"}, "expected objects below s3://lambake-in/not/, got none"),
    (
        {"inputs": "s3://absent/digits"},
        "expected a bucket absent, got none (`aws s3 mb s3://absent` makes one)",
    ),
    (
        {"results": "s3://absent/digits"},
        "expected a bucket absent, got none (`aws s3 mb s3://absent` makes one)",
    ),
    (
        {"state_machine": "arn:aws:states:us-east-1:123456789012:stateMachine:absent"},
        "expected a state machine arn:aws:states:us-east-1:123456789012:stateMachine:absent,"
        " got none",
    ),
    ({"endpoint_url": "http://127.0.0.1:1"}, "Could not connect to the endpoint URL: "),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_what_is_wrong_is_said(wrong: dict[str, Any], said: str, options: Options) -> None:
    """One line says what was expected and what it got; nothing is started."""
    out = io.StringIO()
    with pytest.raises(BulkError) as refused:
        run(replace(options, **wrong), out)
    assert str(refused.value).startswith(said)
    assert out.getvalue() == ""


def test_no_such_state_machine(
    box: Cloud, options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which there are, and what makes one, in a line; the status is 2."""
    machines = box.client("stepfunctions", REGION).list_state_machines()["stateMachines"]
    names = ", ".join(sorted(machine["name"] for machine in machines)[:10])
    assert "lambake-bulk" in names
    named = ["--endpoint-url", box.url, "--region", REGION, "--state-machine", "absent"]
    assert main(["bulk", options.inputs, options.results, *named]) == 2
    assert capsys.readouterr().err == (
        f"expected a state machine absent in us-east-1, got {names}: make it of"
        " infra/aws/bulk.asl.json, or name another with --state-machine\n"
    )


def test_without_credentials(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials it says where to get some; a cloud on this machine needs none."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    missing = replace(options, inputs="s3://lambake-in/not/")
    with pytest.raises(BulkError, match="expected objects below s3://lambake-in/not/"):
        run(replace(missing, region=None))
    with pytest.raises(BulkError, match="expected AWS credentials, got none"):
        run(replace(missing, endpoint_url=None, region=REGION))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", REGION)  # which boto3 does not read
    with pytest.raises(BulkError, match="expected AWS credentials, got none"):
        run(replace(missing, endpoint_url=None, region=None))
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(BulkError, match="expected a region, got none: --region"):
        run(replace(missing, endpoint_url=None, region=None))
