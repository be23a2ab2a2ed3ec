"""The documents stay true: paths, links, tables, commands, citations, and every sample."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from function import VERSION
from function.errors import OUTCOMES
from function.http.app import create_app
from function.http.late_routes import flat
from function.service import Service
from function.settings import PROTOCOLS, Settings
from infra.cli import command_line
from infra.cli.flags import joined
from infra.cli.run import Options, run
from infra.local.server import LocalLambda
from infra.release.terraform import PLUGINS_VARIABLE
from infra.settings import FUNCTION_FILE, read
from tests import ROOT
from tests.citations import PAGE, bad_citations, contract_of, files_that_may_cite

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [
        *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
        *sorted((ROOT / "docs").glob("*.md")),
    ]
}
FUNCTION_YAML = (ROOT / "infra" / "function.yaml").read_text(encoding="utf-8")
CODE_SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
BELITTLING = re.compile(r"\b(simply|just|easy|easily|obviously)\b", re.IGNORECASE)


def table_after(text: str, heading: str) -> list[list[str]]:
    """Cut the first table after a heading into its cells, without the head."""
    lines = iter(text.split(heading, 1)[1].splitlines())
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]


def block_after(text: str, heading: str, language: str) -> str:
    """Return the first block of code in a language after a heading."""
    found = re.search(rf"```{language}\n(.*?)```", text.split(heading, 1)[1], re.DOTALL)
    assert found
    return found[1]


def paths_named_in(text: str) -> set[str]:
    """Find the code spans that look like a path of this repository."""
    tops = {path.name for path in ROOT.iterdir()} - {"build"}
    spans = {span.split(" ")[0].rstrip("/") for span in CODE_SPAN.findall(text)}
    return {span for span in spans if span.split("/")[0] in tops and "<" not in span}


@pytest.mark.parametrize("name", PAGES)
def test_every_path_and_link_of_a_document_exists(name: str) -> None:
    """A path in code type is a path of the repository; a link starts at its own page."""
    missing = [path for path in paths_named_in(PAGES[name]) if not (ROOT / path).exists()]
    folder = (ROOT / name).parent
    missing += [link for link in LINK.findall(PAGES[name]) if not (folder / link).exists()]
    assert not missing


def test_a_path_that_does_not_exist_is_found() -> None:
    """The check above can fail."""
    assert paths_named_in("see `model/nowhere.py` and `make run`") == {"model/nowhere.py"}
    assert LINK.findall("see [x](nowhere.md) and [y](https://example.com)") == ["nowhere.md"]


@pytest.mark.parametrize("name", PAGES)
def test_no_document_calls_anything_easy(name: str) -> None:
    """What is easy for the writer may not be for the reader."""
    assert not BELITTLING.findall(PAGES[name])


def test_the_first_pages_are_short() -> None:
    """A first page that grows is no first page, and an overview that grows none."""
    assert len(PAGES["README.md"].splitlines()) <= 220
    assert len(PAGES["ARCHITECTURE.md"].splitlines()) <= 150


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("docs/")])
def test_the_readme_links_every_page(name: str) -> None:
    """Each page of docs/ is in the README's table."""
    assert f"[{name}]({name})" in PAGES["README.md"]


@pytest.mark.parametrize("folder", ["model", "function", "infra"])
def test_architecture_names_every_folder(folder: str) -> None:
    """Each folder of the three, and no other, is in the drawing."""
    drawing = block_after(PAGES["ARCHITECTURE.md"], "## Folders", "")
    drawn = re.search(rf"^{folder}/.*\n((?:  .*\n)+)", drawing, re.MULTILINE)
    assert drawn
    names = set(re.findall(r"(\w+)/(?=  )", drawn[1]))
    assert names == {
        path.name
        for path in (ROOT / folder).iterdir()
        if any(any(path.glob(f"*.{ending}")) for ending in ("py", "tf", "html"))
    }


def test_the_settings_table_is_the_settings_class() -> None:
    """Every key, with its sentence, and no other."""
    hints = get_type_hints(Settings, include_extras=True)
    rows = table_after(PAGES["docs/settings.md"], "## Environment variables")
    documented = {row[0].strip("`"): row[2] for row in rows}
    assert documented == {hint.__metadata__[0]: hint.__metadata__[1] for hint in hints.values()}


def shown(value: object) -> str:
    """Write a value of function.yaml as the table shows it."""
    if value in ({}, []):
        return "none"
    return f"`{value}`" if isinstance(value, str) else json.dumps(value)


def flattened(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield each setting with its whole key."""
    for key, value in document.items():
        if isinstance(value, dict) and value:
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_the_table_of_function_yaml_is_the_file() -> None:
    """Every key with its value, those in comments too, and no other."""
    rows = [
        *table_after(PAGES["docs/settings.md"], "## function.yaml"),
        *table_after(PAGES["docs/settings.md"], "Only the cloud reads"),
    ]
    documented = {row[0].strip("`"): row[1] for row in rows}
    uncommented = re.sub(r"^( *)# (?=[a-z_]+: [^ ]+( #.*)?$)", r"\1", FUNCTION_YAML, flags=re.M)
    every = dict(flattened(yaml.safe_load(uncommented)))
    given = dict(flattened(yaml.safe_load(FUNCTION_YAML)))
    assert len(every) > len(given)
    assert documented == {key: shown(given[key]) if key in given else "not set" for key in every}


def test_function_yaml_shows_what_the_cloud_reads() -> None:
    """Each key that Terraform looks for stands there, in a comment where it need not be set."""
    description = "".join(file.read_text() for file in (ROOT / "infra" / "aws").glob("*.tf"))
    read = set(re.findall(r"\blocal\.function\.([a-z_]+)", description))
    shown = set(re.findall(r"^(?:# )?([a-z_]+):", FUNCTION_YAML, re.MULTILINE))
    assert {"memory_mb", "snap_start"} <= read
    assert read <= shown


def test_the_variable_that_names_a_mirror_is_told() -> None:
    """Where no registry of providers is reached, a page says what helps."""
    assert f"`{PLUGINS_VARIABLE}`" in PAGES["docs/cloud.md"]


def test_the_errors_table_is_the_table_of_outcomes() -> None:
    """Every status that an error may have, with its title, and no other."""
    documented = {(int(row[0]), row[1]) for row in table_after(PAGES["docs/errors.md"], "# Errors")}
    assert documented == {(outcome.status, outcome.title) for outcome in OUTCOMES.values()}


def test_the_routes_table_is_the_applications_routes() -> None:
    """Every path with its methods, and no other; those that only refuse are left out."""
    app = create_app(Service({}), max_body_bytes=1, protocols=PROTOCOLS)
    routes: dict[str, set[str]] = {}
    for route in flat(app.routes):
        path, methods = route.path, route.methods  # type: ignore[attr-defined]
        if "{rest:path}" not in path:
            routes.setdefault(path, set()).update(methods)
    documented = {
        row[1].strip("`"): set(row[0].strip("`").split(", "))
        for row in table_after(PAGES["docs/api.md"], "## Routes")
    }
    assert documented == routes


CONTRACT = contract_of(PAGES[PAGE])


def test_every_citation_of_the_contract_resolves() -> None:
    """Each section and rule that a file names is in docs/contract.md."""
    bad = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in files_that_may_cite(ROOT)
        for found in bad_citations(path.read_text(encoding="utf-8"), CONTRACT)
    ]
    assert not bad, "\n".join(bad)


BAD_CITATIONS = [
    ("@ 6.2, B11 to B17 and B19; @ 6.3.1, the variables", []),
    ("@ 6.2, B20", ["@ 6.2, B20: no B20 in 6.2", "no rule B20"]),
    ("@ 6.2,\n    # B11 and M1", ["@ 6.2, B11 and M1: no M1 in 6.2"]),
    ("@ 6.2, B18 to B20", ["@ 6.2, B18 to B20: no B20 in 6.2", "no rule B20"]),
    ("@ 9.1", ["@ 9.1: no section 9.1"]),
    ("% 6.2, B1", ["% 6.2, B1: expected @ 6.2, B1"]),
    ("@ 6.5.1, 6.6.1 and 6.2, B1", ["@ 6.5.1, 6.6.1 and 6.2, B1: no section 6.6.1"]),
    ("@ 3.1\n\nM99: a path", ["no rule M99"]),
    ('@ 6.3\nROWS.add("6.9 late")', ["no section 6.9"]),
]


@pytest.mark.parametrize(("text", "bad"), BAD_CITATIONS)
def test_a_bad_citation_is_found(text: str, bad: list[str]) -> None:
    """The check above can fail, for each of its reasons; @ stands for the page, % for its name."""
    found = bad_citations(text.replace("@", PAGE).replace("%", "contract"), CONTRACT)
    assert [one.replace(PAGE, "@").replace("contract ", "% ") for one in found] == bad


def test_one_version_everywhere() -> None:
    """The changelog's first version, the package's and the service's are one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(r"^## \[([0-9.]+)\]", changelog, re.MULTILINE)
    assert found
    assert found[1] == project["version"] == VERSION


def output_of(*command: str | Path) -> str:
    """Run a command in the repository."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    return done.stdout


def test_every_command_that_a_document_names_is_one() -> None:
    """Each `make` target and each `lambake` command is listed by their help."""
    text = "\n".join(PAGES.values())
    targets = set(re.findall(r"^  make ([\w-]+)", output_of("make", "help"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^\$ |^)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    assert len(targets) <= 17
    listed = output_of(sys.executable, "-m", "infra", "--help")
    commands = set(re.findall(r"^    ([a-z]+) ", listed, re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )(?:lambake|python -m infra) ([a-z]+)", text))
    assert named
    assert named <= commands


def lambake_lines(text: str) -> set[str]:
    """Find what a document gives to `lambake`, in blocks and in code spans."""
    blocks = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL))
    lines = re.findall(r"^(?:\$ )?(?:\.venv/bin/)?lambake ((?:.*\\\n)*.*)$", blocks, re.MULTILINE)
    lines += re.findall(r"`(?:\.venv/bin/)?lambake (\w+ [^`\n]+)`", text)
    return {line.replace("\\\n", "").partition(" | ")[0] for line in lines}


@pytest.mark.parametrize("line", sorted(lambake_lines("\n".join(PAGES.values()))))
def test_every_line_for_lambake_is_one_that_it_takes(line: str) -> None:
    """Also those for a cloud, which no test of this file runs: their flags and arguments exist."""
    command_line().parse_args(joined(shlex.split(line)))


def test_a_line_that_lambake_does_not_take_is_found() -> None:
    """The check above can fail."""
    assert lambake_lines("```sh\nlambake run --prot 1 | cat\n```") == {"run --prot 1"}
    with pytest.raises(SystemExit):
        command_line().parse_args(["run", "--prot", "1"])


def test_the_checks_of_an_image_are_those_that_are_named() -> None:
    """What `make image` says that it checked is what docs/cloud.md shows."""
    named = re.search(r"^Checked: .*$", PAGES["docs/cloud.md"], re.MULTILINE)
    assert named
    assert f'"{named[0]}"' in (ROOT / "infra" / "image" / "report.py").read_text(encoding="utf-8")


WALK_THROUGHS = "docs/bring_your_model.md"
OWN_MODEL = "## Your own model"


def samples() -> Iterator[tuple[str, str]]:
    """Find each command of a document that talks to the local Lambda, with its output.

    Those that ask a model of the reader's are tried in tests/acceptance.
    """
    texts = (text for name, text in PAGES.items() if name != WALK_THROUGHS)
    text = re.sub(f"^{OWN_MODEL}\n(?:.*\n)*?(?=## )", "", "\n".join(texts), flags=re.MULTILINE)
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, output = re.match(r"((?:.*[\\|]\n)*.*)\n((?:.|\n)*)", part).groups()  # type: ignore[union-attr]
            if "127.0.0.1" in command or "manifest" in command:
                yield command.replace("\\\n", " "), output.strip()


SAMPLES = sorted(set(samples()))


@pytest.fixture(scope="module")
def local() -> Iterator[LocalLambda]:
    """Start the function as `make run` does, on free ports."""
    config = read(ROOT / FUNCTION_FILE)
    with LocalLambda(config, port=0, invoke_port=0) as running:
        yield running


def rounded(text: str) -> Any:
    """Parse an output, its numbers to the digits that every machine agrees on."""
    try:
        return json.loads(text, parse_float=lambda number: round(float(number), 3))
    except ValueError:
        return re.sub(r"\d\.\d+", "N", text)


@pytest.mark.parametrize(("command", "output"), SAMPLES, ids=lambda value: value[:40])
def test_every_sample_of_the_documents_answers_as_written(
    local: LocalLambda, command: str, output: str
) -> None:
    """The documents' commands, run by a shell, print what the documents say."""
    command = command.replace("http://127.0.0.1:8080", local.url)
    command = command.replace("http://127.0.0.1:9001", local.invoke_url)
    environment = {
        "PATH": f"{ROOT / '.venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert rounded(done.stdout.strip()) == rounded(output)


def test_the_documents_have_samples() -> None:
    """The search above finds them."""
    assert len(SAMPLES) >= 8


def test_make_run_prints_what_the_readme_says() -> None:
    """The first sample of the first page, on other ports, as a terminal shows it."""
    block = block_after(PAGES["README.md"], "# Lambake", "console").split("$ make run\n")[1]
    out = io.StringIO()
    assert run(Options(port=0, invoke_port=0, once=True, colour=True), out) == 0
    printed = re.sub(r"\x1b\[\d*m", "", out.getvalue())
    front, invoke = re.findall(r"127\.0\.0\.1:(\d+)", printed)[:2]
    printed = printed.replace(f":{front}", ":8080").replace(f":{invoke}", ":9001")
    clocks = re.compile(r"\d\d:\d\d:\d\d| +[\d.]+ m?s")
    parts = [re.escape(clocks.sub("", part.strip("\n"))) for part in block.split("…\n")]
    assert re.search("(?:.|\n)*".join(parts), clocks.sub("", printed))


def test_the_golden_vectors_of_the_documents_hold(tmp_path: Path) -> None:
    """Those of docs/bring_your_model.md are answered so by the model that they are of."""
    bundle = tmp_path / "iris"
    shutil.copytree(ROOT / "model" / "zoo" / "iris", bundle)
    golden = block_after(PAGES["docs/bring_your_model.md"], "## The bundle", "json")
    (bundle / "golden.json").write_text(golden, encoding="utf-8")
    service = Service.load(tmp_path, max_pixels=1)  # which checks the golden vector
    assert [model.name for model in service.models()] == ["iris"]


def test_the_readme_has_the_shortest_walk_through() -> None:
    """It is one of docs/bring_your_model.md, which tests/acceptance follows."""
    block = block_after(PAGES["README.md"], OWN_MODEL, "console")
    assert block.replace("make bake MODEL=", ".venv/bin/lambake bake ") in PAGES[WALK_THROUGHS]
