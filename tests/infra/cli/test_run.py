"""`lambake run` and `invoke`, as their users start them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from infra.cli import main
from infra.cli.reload import reload_on_change, stamps_of
from infra.cli.run import Options, Printer, _models, run, settings_of
from infra.cli.sample import send_sample
from infra.settings import Settings
from tests import ROOT
from tests.conftest import require_tool
from tests.infra.local.invoke.calls import Caller
from tests.infra.local.plain_http import asked
from tests.infra.local.processes import processes_of

ANY_PORTS = ("--port", "0", "--invoke-port", "0")
APP = """
import json
def handler(event, context):
    if "requestContext" in event:
        return {"statusCode": 200, "body": json.dumps({"path": event["rawPath"]})}
    return event
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Somebody's function, with settings."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "sample.json").write_text("{}")
    (tmp_path / "function.yaml").write_text(
        "name: theirs\nhandler: app.handler\nroot: .\nsample: {path: /s, file: sample.json}\n"
    )
    return tmp_path


@contextmanager
def running(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the command until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "infra", "run", *arguments],
        cwd=folder,
        # What a killed emulator cannot clean up lies in the test's own folder.
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def addresses(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Read the banner until both addresses have come."""
    found: list[str] = []
    while len(found) < 2:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise AssertionError(f"expected two addresses, got {found}")
        found += re.findall(r"^  (http://127\.0\.0\.1:\d+) ", line)
    return found[0], found[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_someone_elses_function_runs_until_it_is_stopped(app: Path, number: signal.Signals) -> None:
    """--handler and --root: both doors work; a signal ends it with 0, and nothing is left."""
    with running("--handler", "app.handler", "--root", str(app), *ANY_PORTS, folder=app) as process:
        url, invoke_url = addresses(process)
        assert asked(url, "GET", "/x").json == {"path": "/x"}
        path = "/2015-03-31/functions/function/invocations"
        assert asked(invoke_url, "POST", path).json == {}
        assert processes_of(app)
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert out.endswith("stopped\n")
    assert processes_of(app) == []
    for address in (url, invoke_url):
        with pytest.raises(ConnectionRefusedError):
            asked(address, "GET", "/")


def test_an_emulator_that_is_killed_takes_its_function_along(app: Path) -> None:
    """A frozen orphan would stay for ever. Needs setpriv; without
    it only an orderly end cleans up.
    """
    require_tool("setpriv")
    with running("--handler", "app.handler", "--root", str(app), *ANY_PORTS, folder=app) as process:
        url, _ = addresses(process)
        asked(url, "GET", "/")
        assert processes_of(app)
        process.kill()
        process.communicate()
    end = time.monotonic() + 60
    while processes_of(app) and time.monotonic() < end:
        time.sleep(0.01)
    assert processes_of(app) == []


def test_a_port_in_use_is_one_clear_line(app: Path) -> None:
    """Which, and how to change it; exit status 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = ("--function", str(app / "function.yaml"))
        pairs = {"--port": ("PORT", "--invoke-port"), "--invoke-port": ("INVOKE_PORT", "--port")}
        for flag, (variable, other) in pairs.items():
            with running(flag, str(port), other, "0", *settings, folder=app) as p:
                out, error = p.communicate(timeout=60)
            assert p.returncode == 2
            assert out == ""
            assert error == (
                f"port {port} on 127.0.0.1 is in use: choose another with {flag} PORT,"
                f" or make run {variable}=PORT (0 takes any free one)\n"
            )


def test_a_sample_is_sent_and_shown(
    app: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the settings; --once stops after it with 0. AWS keys within reach are told of."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    options = Options(port=0, invoke_port=0, function=app / "function.yaml", once=True)
    out = io.StringIO()
    assert run(options, out) == 0
    shown = out.getvalue()
    assert re.search(r"sample: POST http://127\.0\.0\.1:\d+/s with sample\.json\n", shown)
    assert 'sample: 200\n{\n  "path": "/s"\n}\n' in shown
    assert "theirs on the local Lambda: app.handler" in shown
    assert "512 MB, 30 s, up to 4 environments" in shown
    assert "runs as you: it can read yours in /proc" in shown
    assert capsys.readouterr().err == ""


def test_a_sample_that_fails_is_a_failure(app: Path) -> None:
    """Exit status 1 with --once."""
    (app / "app.py").write_text("def handler(event, context):\n    raise ValueError('no')\n")
    out = io.StringIO()
    assert run(Options(port=0, invoke_port=0, function=app / "function.yaml", once=True), out) == 1
    assert "sample: 500" in out.getvalue()


def test_colours_for_a_terminal(app: Path) -> None:
    """The live view and the banner, where asked for; the sample is a line of the log."""
    out = io.StringIO()
    run(Options(port=0, invoke_port=0, function=app / "function.yaml", once=True, colour=True), out)
    assert " \x1b[32m200\x1b[0m " in out.getvalue()
    assert "sample: 200" not in out.getvalue()
    assert "\x1b[1mtheirs\x1b[0m" in out.getvalue()


def test_the_command_line_lays_over_the_settings(app: Path) -> None:
    """--handler alone forgets the settings, with --function it changes them."""
    path = app / "function.yaml"
    config = settings_of(Options(function=path, handler="other.handler", front="rest_api"))
    assert (config.name, config.handler, config.front) == ("theirs", "other.handler", "rest_api")
    config = settings_of(Options(handler="other.handler", root=app))
    assert (config.name, config.root, config.sample) == ("function", app, None)
    for options in (Options(function=path), Options(handler="other.handler")):
        config = settings_of(replace(options, sample_path="/p", sample_file=app / "app.py"))
        assert config.sample is not None
        assert (config.sample.path, config.sample.file) == ("/p", app / "app.py")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--once"], "--once sends a sample: name it by --sample-path and --sample-file"),
        (
            ["--once", "--no-sample", "--sample-path", "/p", "--sample-file", "f"],
            "--once sends a sample: name it by --sample-path and --sample-file",
        ),
        (["--sample-path", "/p"], "--sample-path and --sample-file need each other"),
    ],
)
def test_a_sample_that_is_not_named(
    given: list[str], said: str, app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A smoke test that sends nothing would succeed."""
    with pytest.raises(SystemExit) as ended:
        main(["run", "--handler", "app.handler", "--root", str(app), *given, *ANY_PORTS])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"lambake run: error: {said}\n")


def test_wrong_settings_are_one_line_and_2(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    (app / "function.yaml").write_text("handler: a.b\nnope: 1\n")
    assert main(["run", "--function", str(app / "function.yaml")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("nope: expected one of ")
    assert error.count("\n") == 1
    assert main(["run", "--handler", "a.b", "--root", str(app / "no")]) == 2
    assert capsys.readouterr().err == f"root: expected a folder, got '{app / 'no'}'\n"


def test_a_sample_whose_file_is_missing_is_named(app: Path, lambda_: Caller) -> None:
    """Before anything is sent."""
    from infra.settings import Sample
    from infra.settings.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        send_sample(lambda_.local.url, Sample(path="/", file=app / "none.png"))
    assert str(caught.value) == f"sample.file: expected a readable file, got '{app / 'none.png'}'"


@pytest.mark.parametrize(
    ("name", "expected"), [("a.png", "image/png"), ("b.unknown", "application/octet-stream")]
)
def test_a_sample_has_the_type_of_its_name(
    app: Path, start: object, name: str, expected: str
) -> None:
    """The bytes go as they are."""
    (app / name).write_bytes(b"\x89PNG")
    (app / "app.py").write_text(
        "def handler(event, context):\n"
        "    return {'statusCode': 200, 'body': event['headers']['content-type']"
        " + ' ' + event['body']}\n"
    )
    from infra.settings import Sample

    lambda_ = start(root=app, handler="app.handler")  # type: ignore[operator]
    answer = send_sample(lambda_.local.url, Sample(path="/s", file=app / name))
    assert answer == (200, f"{expected} iVBORw==")


def test_invoke_prints_the_answer(lambda_: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for a result, 1 for a function error, with the log's tail on stderr if asked for."""
    url = lambda_.local.invoke_url
    assert main(["invoke", '{"x": 1}', "--name", "tested", "--url", url]) == 0
    assert capsys.readouterr().out == '{"x": 1}\n'
    assert main(["invoke", '{"do":"fail"}', "--name", "tested", "--url", url, "--tail"]) == 1
    seen = capsys.readouterr()
    assert json.loads(seen.out)["errorType"] == "ValueError"
    assert "REPORT RequestId: " in seen.err
    assert main(["invoke", "--name", "tested", "--url", url, "--event"]) == 0
    assert capsys.readouterr().out == "202 Accepted\n"
    assert main(["invoke", "--name", "other", "--url", url]) == 1
    lambda_.local.drained()


def test_invoke_reads_stdin(
    lambda_: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a hyphen for the payload."""
    monkeypatch.setattr("sys.stdin", io.StringIO('"from stdin"'))
    assert main(["invoke", "-", "--name", "tested", "--url", lambda_.local.invoke_url]) == 0
    assert capsys.readouterr().out == '"from stdin"\n'


def test_invoke_without_an_emulator_says_how_to_start_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 2."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert main(["invoke", "--name", "x", "--url", url]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"nobody answers at {url}: ")
    assert error.endswith("Start it: lambake run\n")
    monkeypatch.chdir("/")
    assert main(["invoke"]) == 2
    assert capsys.readouterr().err == (
        "infra/function.yaml: expected a readable file (run it in the checkout, or name one by "
        "--function), got 'No such file or directory'\n"
    )


def test_a_reader_that_stops_does_not_stop_the_printer() -> None:
    """What comes meanwhile is dropped beyond ten thousand texts; a closed pipe is no error."""

    class Closed(io.StringIO):
        """A pipe without a reader."""

        def write(self, text: str, /) -> int:
            """Fail."""
            raise BrokenPipeError

    with Printer(Closed()) as show:
        for i in range(30_000):
            show(f"{i}\n")
    out = io.StringIO()
    with Printer(out) as show:
        show("one\n")
        show("two\n")
    assert out.getvalue() == "one\ntwo\n"


def test_the_commands_explain_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    """lambake without anything names them."""
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "required: COMMAND" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "run the function on this machine, as Lambda would" in shown


def test_changed_code_is_taken_up(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a file has settled, new environments run it; a folder that is gone is told."""
    monkeypatch.setattr("infra.cli.reload._PAUSE_S", 0.0)
    settings = Settings(handler="app.handler", root=app)
    stop = threading.Event()
    told: list[str] = []
    changes: list[Settings] = []
    looks = iter([{}, {app / "app.py": (2, 1)}, {app / "app.py": (2, 1)}])

    class Local:
        config = settings

        def change(self, config: Settings) -> None:
            changes.append(config)
            stop.set()

    monkeypatch.setattr("infra.cli.reload.stamps_of", lambda _: next(looks))
    reload_on_change(lambda: settings, Local(), told.append, stop)  # type: ignore[arg-type]
    assert (told, changes) == (["reload: app.py\n"], [settings])


def test_what_a_reload_watches(tmp_path: Path) -> None:
    """Files below the folder; no caches, environments or tests."""
    for name in ("app.py", "zoo/a/model.toml", ".venv/x.py", "__pycache__/x.pyc", "tests/t.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(stamps_of(tmp_path)) == [tmp_path / "app.py", tmp_path / "zoo/a/model.toml"]


def test_the_banner_names_the_models(tmp_path: Path) -> None:
    """And a folder of the zoo that has none."""
    for name in ("a/model.toml", "b/2/model.toml", "c/c.onnx", "__pycache__/x"):
        (tmp_path / "model/zoo" / name).parent.mkdir(parents=True)
        (tmp_path / "model/zoo" / name).touch()
    ours = Settings(handler="function.entry.handler", root=tmp_path)
    assert _models(ours) == "  models: a, b\n  not served: model/zoo/c has no model.toml\n"
    assert _models(ours.replace(handler="app.handler")) == ""
