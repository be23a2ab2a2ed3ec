"""
The documents stay true: trees, settings, routes, errors,
versions, and every sample in the README.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from function.errors import OUTCOMES
from function.http.app import VERSION, create_app
from function.service import Service
from function.settings import Settings
from infra.local.server import LocalLambda
from infra.release.terraform import PLUGINS_VARIABLE
from infra.settings.function import FunctionConfig
from tests import ROOT
from tests.citations import PAGE, bad_citations, contract_of, files_that_may_cite

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CODE_SPAN = re.compile(r"`([^`\n]+)`")


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


def paths_named_in(text: str) -> set[str]:
    """Find the code spans that look like a path of this repository."""
    tops = {path.name for path in ROOT.iterdir()}
    spans = {span.split(" ")[0].rstrip("/") for span in CODE_SPAN.findall(text)}
    return {span for span in spans if span.split("/")[0] in tops and "<" not in span}


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_path_that_a_document_names_exists(name: str) -> None:
    """A path in code type is a path of the repository."""
    named = paths_named_in((ROOT / name).read_text(encoding="utf-8"))
    missing = sorted(path for path in named if not (ROOT / path).exists())
    assert not missing


def test_a_path_that_does_not_exist_is_found() -> None:
    """The check above can fail."""
    assert paths_named_in("see `model/nowhere.py` and `make run`") == {"model/nowhere.py"}


def test_the_settings_table_is_the_settings_class() -> None:
    """Every key, with its sentence, and no other."""
    hints = get_type_hints(Settings, include_extras=True)
    documented = {row[0].strip("`"): row[2] for row in table_after(README, "## Settings")}
    assert documented == {hint.__metadata__[0]: hint.__metadata__[1] for hint in hints.values()}


def test_function_yaml_shows_what_the_cloud_reads() -> None:
    """Each key that Terraform looks for stands there, in a comment where it need not be set."""
    description = "".join(file.read_text() for file in (ROOT / "infra" / "aws").glob("*.tf"))
    read = set(re.findall(r"\blocal\.function\.([a-z_]+)", description))
    settings = (ROOT / "infra" / "function.yaml").read_text(encoding="utf-8")
    shown = set(re.findall(r"^(?:# )?([a-z_]+):", settings, re.MULTILINE))
    assert {"memory_mb", "snap_start"} <= read
    assert read <= shown


def test_the_variable_that_names_a_mirror_is_told() -> None:
    """Where no registry of providers is reached, the README says what helps."""
    assert f"`{PLUGINS_VARIABLE}`" in README


def test_the_errors_table_is_the_table_of_outcomes() -> None:
    """Every status that an error may have, with its title, and no other."""
    documented = {(int(row[0]), row[1]) for row in table_after(README, "## Errors")}
    assert documented == {(outcome.status, outcome.title) for outcome in OUTCOMES.values()}


def test_the_routes_table_is_the_applications_routes() -> None:
    """Every path with its methods, and no other."""
    app = create_app(Service({}), max_body_bytes=1)
    routes: dict[str, set[str]] = {}
    for route in app.routes:
        path, methods = route.path, route.methods  # type: ignore[attr-defined]
        routes.setdefault(path, set()).update(methods)
    documented = {
        row[1].strip("`"): set(row[0].strip("`").split(", "))
        for row in table_after(README, "## Routes")
    }
    assert documented == routes


CONTRACT = contract_of((ROOT / PAGE).read_text(encoding="utf-8"))


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


def test_the_makefile_lists_every_target_of_the_readme() -> None:
    """Each `make` command that a document names is one."""
    listed = subprocess.run(
        ["make", "-C", ROOT, "help"], capture_output=True, check=True, text=True
    )
    targets = set(re.findall(r"^  make ([\w-]+)", listed.stdout, re.MULTILINE))
    named = set(re.findall(r"`make ([\w-]+)", README + ARCHITECTURE))
    assert named <= targets
    assert len(targets) <= 15


def test_architecture_fits_on_a_few_screens() -> None:
    """What grows past 150 lines is no overview."""
    assert len(ARCHITECTURE.splitlines()) <= 150


def samples() -> Iterator[tuple[str, str]]:
    """Find each command of the README that talks to the local Lambda, with its output."""
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, output = re.match(r"((?:.*[\\|]\n)*.*)\n((?:.|\n)*)", part).groups()  # type: ignore[union-attr]
            if "127.0.0.1" in command:
                yield command.replace("\\\n", " "), output.strip()


@pytest.fixture(scope="module")
def local() -> Iterator[LocalLambda]:
    """Start the function as `make run` does, on free ports."""
    config = FunctionConfig.from_yaml(ROOT / "infra" / "function.yaml")
    with LocalLambda(config, port=0, invoke_port=0) as running:
        yield running


def rounded(text: str) -> Any:
    """Parse an output, its numbers to the digits that every machine agrees on."""
    try:
        return json.loads(text, parse_float=lambda number: round(float(number), 3))
    except ValueError:
        return re.sub(r"\d\.\d+", "N", text)


@pytest.mark.parametrize(("command", "output"), list(samples()), ids=lambda value: value[:40])
def test_every_sample_of_the_readme_answers_as_written(
    local: LocalLambda, command: str, output: str
) -> None:
    """The README's commands, run by a shell, print what the README says."""
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


def test_the_readme_has_samples() -> None:
    """The search above finds them."""
    assert len(list(samples())) >= 4
