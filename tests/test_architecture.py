"""The rules of architecture.py, held against the real tree;
and that each of them can find a breach.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import ROOT
from tests import architecture as rules
from tests.architecture import PACKAGES, RULES, Module, Rule, modules_of


@pytest.fixture(scope="module")
def tree() -> list[Module]:
    """Read the real tree once."""
    return modules_of(ROOT)


def test_the_tree_is_seen(tree: list[Module]) -> None:
    """The rules look at the real modules, those of every package."""
    paths = {module.path for module in tree}
    assert {"model/predictor.py", "function/entry.py", "infra/__init__.py"} <= paths
    assert "tests/test_architecture.py" in paths
    assert {module.path for module in tree if not module.serves} >= {
        "model/zoo/iris/train.py", "model/bake/write.py", "tests/test_architecture.py",
    }  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("package", PACKAGES)
def test_the_tree_keeps_the_rules(tree: list[Module], rule: Rule, package: str) -> None:
    """No module of the tree breaks a rule."""
    breaches = rule([module for module in tree if module.package == package])
    assert not breaches, "\n".join(breaches)


def breaches_in(folder: Path, rule: Rule, sources: dict[str, str]) -> list[str]:
    """Write a little tree and hold a rule against it."""
    for path, source in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(source, encoding="utf-8")
    return rule(modules_of(folder))


IMPORTS = [
    ("model/a.py", "import model.b, numpy\nfrom . import b", ""),
    ("model/a.py", "import function.b", "model/a.py:1: model imports function.b"),
    ("model/a/b.py", "from ...infra import x", "model/a/b.py:1: model imports infra.x"),
    ("model/a.py", "def f():\n from tests import x", "model/a.py:2: model imports tests.x"),
    ("model/a.py", 'import_module("infra")', "model/a.py:1: model imports infra"),
    ("model/a.py", 'i.import_module(f"infra.{x}")', "model/a.py:1: model imports infra"),
    ("model/a.py", '__import__("infra.b")', "model/a.py:1: model imports infra.b"),
    ("model/a.py", "import functional, infrared\nimport_module(name)\nimport_module()", ""),
    ("function/a.py", "import model.b\nfrom function import c", ""),
    ("function/a.py", "import infra", "function/a.py:1: function imports infra"),
    (
        "function/a.py",
        "if TYPE_CHECKING:\n import infra",
        "function/a.py:2: function imports infra",
    ),
    ("infra/a.py", 'HANDLER = "function.entry.handler"\nfrom infra.b import c', ""),
    ("infra/a.py", "from model import b", "infra/a.py:1: infra imports model.b"),
    ("infra/a.py", "import function.entry", "infra/a.py:1: infra imports function.entry"),
    ("tests/a.py", "import infra, function, model", ""),
]


@pytest.mark.parametrize(("path", "source", "breach"), IMPORTS)
def test_a_forbidden_import_is_found(tmp_path: Path, path: str, source: str, breach: str) -> None:
    """An import across packages is found however it is spelt; what looks like one is let pass."""
    rule = rules.packages_import_only_what_they_may
    assert breaches_in(tmp_path, rule, {path: source}) == ([breach] if breach else [])


SIBLINGS = [
    ("from function.doors.sqs import x", "s3 imports function.doors.sqs.x"),
    ("from function.doors import sqs", "s3 imports function.doors.sqs"),
    ("import function.doors.sqs", "s3 imports function.doors.sqs"),
    ("from .sqs import x", "s3 imports function.doors.sqs.x"),
    ("from function.doors.sources import x\nfrom function.doors import sqs_x, s3", ""),
]


@pytest.mark.parametrize(("source", "breach"), SIBLINGS)
def test_a_door_that_knows_another_is_found(tmp_path: Path, source: str, breach: str) -> None:
    """A door may import anything of the function's but another door; the entry imports them all."""
    tree = {
        "function/doors/s3.py": source,
        "function/doors/sqs.py": "",
        "function/doors/sources.py": "",
        "function/entry.py": "from function.doors import s3, sqs",
    }
    found = breaches_in(tmp_path, rules.siblings_do_not_import_each_other, tree)
    assert found == ([f"function/doors/s3.py:1: {breach}"] if breach else [])


@pytest.mark.parametrize("folder", rules.SIBLINGS)
def test_every_kind_of_siblings_is_watched(tmp_path: Path, folder: str) -> None:
    """A recipe, task, engine or protocol that knows another is found, as a file or a folder."""
    package = folder.replace("/", ".")
    tree = {
        f"{folder}/a.py": f"import {package}.b",
        f"{folder}/b.py": f"from {package}.c.d import x",
        f"{folder}/c/__init__.py": "",
        f"{folder}/c/d.py": f"from {package}.c import e",
    }
    assert breaches_in(tmp_path, rules.siblings_do_not_import_each_other, tree) == [
        f"{folder}/a.py:1: a imports {package}.b",
        f"{folder}/b.py:1: b imports {package}.c.d.x",
    ]


@pytest.mark.parametrize(("folder", "package"), rules.NEVER.items())
def test_a_hole_in_a_wall_is_found(tmp_path: Path, folder: str, package: str) -> None:
    """What a folder must never import is found in it, and nowhere else."""
    tree = {f"{folder}a.py": f"def f():\n import {package}.b", "tests/a.py": f"import {package}"}
    expected = [f"{folder}a.py:2: imports {package}.b"]
    assert breaches_in(tmp_path, rules.walls_hold, tree) == expected


def test_a_converter_that_imports_the_project_is_found(tmp_path: Path) -> None:
    """A converter may import another one and what its environment has, nothing else of ours."""
    tree = {
        "model/bake/converters/a.py": "import numpy\nfrom .b import c\nfrom ..errors import d",
        "model/bake/converter.py": "from model.bake.errors import d",
    }
    expected = ["model/bake/converters/a.py:3: imports model.bake.errors.d"]
    assert breaches_in(tmp_path, rules.converters_stand_alone, tree) == expected


STAIR = [
    ("infra/local/a.py", "from infra.cloud import x", "local imports infra.cloud.x"),
    ("infra/cloud/a.py", "from infra.local import x\nimport infra.settings", ""),
    ("infra/containers.py", "def f():\n import infra.image.a", "containers imports infra.image.a"),
    ("infra/settings/a.py", "from ..cli import x", "settings imports infra.cli.x"),
    ("infra/demo/a.py", "from infra import cloud, release, bulk", ""),
    ("infra/cli/a.py", "from infra import demo, local", ""),
]


@pytest.mark.parametrize(("path", "source", "breach"), STAIR)
def test_a_step_down_the_stair_is_found(
    tmp_path: Path, path: str, source: str, breach: str
) -> None:
    """A part of infra imports what stands before it on the stair, never what stands behind it."""
    line = source.count("\n") + 1
    found = breaches_in(tmp_path, rules.infra_is_a_stair, {path: source})
    assert found == ([f"{path}:{line}: {breach}"] if breach else [])


def test_a_part_without_a_step_is_found(tmp_path: Path) -> None:
    """A new folder of infra needs its place on the stair."""
    found = breaches_in(tmp_path, rules.infra_is_a_stair, {"infra/new/a.py": ""})
    assert found == ["infra/new/a.py: new is no part of infra"]


AWS = [
    ("function/aws.py", "def f():\n import boto3", ""),
    ("function/aws.py", "if TYPE_CHECKING:\n from boto3 import x", ""),
    ("function/aws.py", "import boto3", "function/aws.py:1: imports boto3"),
    ("function/a.py", "def f():\n import boto3", "function/a.py:2: imports boto3"),
    ("model/a.py", "from botocore.x import y", "model/a.py:1: imports botocore.x.y"),
    ("infra/a.py", "import boto3", ""),
    ("tests/a.py", "import boto3", ""),
]


@pytest.mark.parametrize(("path", "source", "breach"), AWS)
def test_the_aws_sdk_is_found(tmp_path: Path, path: str, source: str, breach: str) -> None:
    """boto3 is imported by function/aws.py, late, and by infra."""
    rule = rules.function_knows_the_aws_sdk_in_one_place
    assert breaches_in(tmp_path, rule, {path: source}) == ([breach] if breach else [])


ENVIRONMENT = [
    ("function/entry.py", "import os\nos.environ['A']", ""),
    ("function/settings.py", "import os\nos.getenv('A')", ""),
    ("infra/a.py", "import os\nos.environ['A']", ""),
    ("function/a.py", "import os\nx = dict(os.environ)", "function/a.py:2: uses the environment"),
    ("function/a.py", "import os\nos.getenv('A')", "function/a.py:2: uses the environment"),
    ("model/a.py", "from os import environ", "model/a.py:1: uses the environment"),
    ("model/a.py", "def f(environ):\n return environ['A']", ""),
]


@pytest.mark.parametrize(("path", "source", "breach"), ENVIRONMENT)
def test_a_look_at_the_environment_is_found(
    tmp_path: Path, path: str, source: str, breach: str
) -> None:
    """The function's settings read the environment, the model nothing of it."""
    rule = rules.only_the_settings_read_the_environment
    assert breaches_in(tmp_path, rule, {path: source}) == ([breach] if breach else [])


SERVING = [
    ("model/a.py", "import sklearn.tree", "model/a.py:1: what serves imports sklearn.tree"),
    (
        "model/a.py",
        "from model.bake.write import x",
        "model/a.py:1: what serves imports model.bake.write.x",
    ),
    (
        "function/a.py",
        "import model.zoo.iris.train",
        "function/a.py:1: what serves imports model.zoo.iris.train",
    ),
    ("model/a.py", "import onnxruntimes", ""),
    ("model/bake/write.py", "import tomli_w", ""),
    ("model/zoo/iris/train.py", "import sklearn, model.zoo.iris", ""),
    ("tests/a.py", "import sklearn, model.bake.write", ""),
]


@pytest.mark.parametrize(("path", "source", "breach"), SERVING)
def test_training_in_what_serves_is_found(
    tmp_path: Path, path: str, source: str, breach: str
) -> None:
    """What trains and bakes may import what serves, but not the other way round."""
    rule = rules.what_serves_does_not_train
    assert breaches_in(tmp_path, rule, {path: source}) == ([breach] if breach else [])


RUNTIMES = [
    ("model/engines/onnx.py", "import onnxruntime", ""),
    ("model/zoo/digits/train.py", "import onnxruntime", ""),
    ("model/predictor.py", "import onnxruntime", "model/predictor.py:1: imports onnxruntime"),
    ("function/a.py", "def f():\n import onnxruntime", "function/a.py:2: imports onnxruntime"),
]


@pytest.mark.parametrize(("path", "source", "breach"), RUNTIMES)
def test_a_runtime_outside_its_engine_is_found(
    tmp_path: Path, path: str, source: str, breach: str
) -> None:
    """Each runtime is imported by the engine that is named for it."""
    rule = rules.each_runtime_is_one_engines
    assert breaches_in(tmp_path, rule, {path: source}) == ([breach] if breach else [])


def body_of(lines: int) -> str:
    """Return a function with a docstring and so many lines of body."""
    return 'def f():\n    """Do."""\n' + "    pass\n" * lines


FORM: list[tuple[Callable[[list[Module]], list[str]], str, str]] = [
    (rules.files_are_short, "x = 1\n" * 400, ""),
    (rules.files_are_short, "x = 1\n" * 401, "model/a.py: 401 lines"),
    (rules.functions_are_short, body_of(40), ""),
    (rules.functions_are_short, body_of(0), ""),
    (rules.functions_are_short, body_of(41), "model/a.py:1: f has 41 lines"),
    (rules.functions_are_short, "async " + body_of(41), "model/a.py:1: f has 41 lines"),
    (rules.parameters_are_few, "def f(self, a, b, c, d, e, *, g): pass", ""),
    (
        rules.parameters_are_few,
        "def f(a, b, /, c, d, e, g): pass",
        "model/a.py:1: f takes 6 by position",
    ),
    (rules.nothing_is_left_to_do, "# a TODO", "model/a.py:1: TODO"),
    (rules.nothing_is_left_to_do, "x = 1  # FIXME: y", "model/a.py:1: FIXME"),
    (rules.nothing_is_left_to_do, "# XXX", "model/a.py:1: XXX"),
    (rules.nothing_is_left_to_do, "todo = 1  # of TODOS", ""),
    (rules.modules_say_what_they_are, '"""Say."""', ""),
    (rules.modules_say_what_they_are, "x = 1", "model/a.py: no docstring"),
    (rules.modules_say_what_they_are, "", "model/a.py: no docstring"),
]


@pytest.mark.parametrize(("rule", "source", "breach"), FORM)
def test_a_breach_of_form_is_found(tmp_path: Path, rule: Rule, source: str, breach: str) -> None:
    """One past a limit is found, the limit itself is not."""
    assert breaches_in(tmp_path, rule, {"model/a.py": source}) == ([breach] if breach else [])


def test_a_silent_test_is_found(tmp_path: Path) -> None:
    """A test without a docstring is found; an empty package and a function of tests are not."""
    source = '"""Say."""\ndef test_a():\n  pass\ndef test_b():\n  """Say."""\ndef c(): pass\n'
    tree = {"tests/__init__.py": "", "tests/test_a.py": source}
    expected = ["tests/test_a.py:2: test_a has no docstring"]
    assert breaches_in(tmp_path, rules.tests_say_what_they_prove, tree) == expected
    assert breaches_in(tmp_path, rules.modules_say_what_they_are, tree) == []


def test_every_rule_is_proven() -> None:
    """No rule stands in the list without a proof above that it can find a breach."""
    here = Path(__file__).read_text(encoding="utf-8")
    assert [rule.__name__ for rule in RULES if f"rules.{rule.__name__}" not in here] == []
