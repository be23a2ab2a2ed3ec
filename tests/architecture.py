"""The rules of the tree: who may import whom, and how large things are.

Each rule is a function from the modules of a tree to its breaches. test_architecture.py holds them
against the real tree, and proves on little ones that each can find a breach.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGES: Final = ("function", "model", "infra", "tests")
MAY_IMPORT: Final = {"model": {"model"}, "function": {"function", "model"}, "infra": {"infra"}}
AWS_SDK: Final = {"boto3", "botocore"}
ENVIRONMENT: Final = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}
READS_ENVIRONMENT: Final = {
    "function/entry.py",
    "function/serve.py",
    "function/settings.py",
    "model/engines/onnx.py",  # ONNX Runtime's telemetry is silenced that way only
    "model/bake/converters/host.py",  # silences TensorFlow, in a process of its own
    "model/zoo/digits/train.py",  # TensorFlow's chatter is silenced that way only; never shipped
}
ENGINES: Final = {
    "onnxruntime": "model/engines/onnx.py",
}
"""The one serving module that may import each runtime."""

TRAINING: Final = {
    *("ai_edge_litert", "keras", "matplotlib", "mlxtend", "onnx", "scipy", "skl2onnx", "sklearn"),
    *("tensorflow", "tf2onnx"),
}
SIBLINGS: Final = {
    "function/doors": {"results_queue", "sources"},
    "function/protocols": set[str](),
    "model/bake/sources": {"base"},
    "model/engines": {"base"},
    "model/recipes": {"base"},
    "model/tasks": {"base"},
}
"""Folders in which a file is one of a kind, and what these share: they never know each other."""

NEVER: Final = {
    "function/protocols/": "function.doors",
    "function/http/": "function.doors",
    "model/bundle/": "model.recipes",
    "infra/release/": "infra.cloud",
    "infra/bulk/": "infra.cloud",
}
"""What a folder must not import, beside what the other rules say."""

STAIR: Final = (
    "settings", "containers", "local", "image", "cloud", "aws", "release", "bulk", "bench", "demo",
    "cli", "__main__",
)  # fmt: skip
"""The parts of infra: each may import what stands before it, never what stands behind it."""

NOTE: Final = re.compile(r"\b(TODO|FIXME|XXX)\b")
MOST_LINES: Final = 400
MOST_BODY_LINES: Final = 40
MOST_POSITIONAL: Final = 5
MOST_LINES_OF_TESTS: Final = 500
MOST_BODY_LINES_OF_TESTS: Final = 50
"""Tests are tables: whole events and whole replies stand in them. Their fixtures are positional."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One name that a module imports; late: not when the module itself is imported."""

    line: int
    name: str
    late: bool

    def within(self, package: str) -> bool:
        """Tell whether this is the package or something in it."""
        return f"{self.name}.".startswith(f"{package}.")


@dataclass(frozen=True)
class Module:
    """One file of the tree."""

    path: str
    text: str
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def package(self) -> str:
        """The package at the top: model, function, infra or tests."""
        return self.path.partition("/")[0]

    @property
    def serves(self) -> bool:
        """Whether the image needs it at run time: what trains and bakes is apart."""
        trains = self.path.startswith("model/zoo/") or self.path.startswith("model/bake/")
        return self.package in ("function", "model") and not trains

    def functions(self) -> Iterator[Function]:
        """Yield every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


Rule = Callable[[list[Module]], list[str]]


def modules_of(root: Path) -> list[Module]:
    """Read every module of the packages, in the order of their paths."""
    modules = []
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        tree = ast.parse(text, filename=name)
        parents = name.removesuffix(".py").split("/")[:-1]
        modules.append(Module(name, text, tree, tuple(imports_in(tree, parents, late=False))))
    return modules


def imports_in(node: ast.AST, parents: list[str], *, late: bool) -> Iterator[Import]:
    """Yield what is imported below a node, relative names resolved against the module's parents."""
    for child in ast.iter_child_nodes(node):
        checked = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if isinstance(child, ast.Import):
            yield from (Import(child.lineno, alias.name, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = parents[: len(parents) - child.level + 1] if child.level else []
            prefix = ".".join([*base, *([child.module] if child.module else [])])
            for alias in child.names:
                yield Import(child.lineno, f"{prefix}.{alias.name}", late)
        elif isinstance(child, ast.Call) and (name := imported_by(child)):
            yield Import(child.lineno, name, late)
        yield from imports_in(child, parents, late=late or checked or isinstance(child, Function))


def imported_by(call: ast.Call) -> str:
    """Return what `import_module("…")` names, or the start of it where the rest is computed."""
    called = ast.unparse(call.func).rpartition(".")[2]
    if called not in ("import_module", "__import__") or not call.args:
        return ""
    first = call.args[0]
    if isinstance(first, ast.JoinedStr):
        first = first.values[0]
    return str(first.value).rstrip(".") if isinstance(first, ast.Constant) else ""


def packages_import_only_what_they_may(modules: list[Module]) -> list[str]:
    """Find who imports a package of ours that is none of its business; tests may import any."""
    return [
        f"{module.path}:{one.line}: {module.package} imports {one.name}"
        for module in modules
        if module.package in MAY_IMPORT
        for one in module.imports
        for package in PACKAGES
        if one.within(package) and package not in MAY_IMPORT[module.package]
    ]


def siblings_do_not_import_each_other(modules: list[Module]) -> list[str]:
    """Find a door that knows another door, a recipe that knows another recipe, and their like."""
    breaches = []
    for module in modules:
        for folder, shared in SIBLINGS.items():
            own = member_of(module.path, folder)
            if own in {"", "__init__", *shared}:
                continue
            for one in module.imports:
                other = member_of(one.name.replace(".", "/"), folder)
                if other not in {"", own, *shared} and is_part(modules, folder, other):
                    breaches.append(f"{module.path}:{one.line}: {own} imports {one.name}")
    return breaches


def member_of(path: str, folder: str) -> str:
    """Return the name of a folder's member that a path leads to; empty: to none."""
    rest = path.removeprefix(f"{folder}/")
    return "" if rest == path else rest.partition("/")[0].removesuffix(".py")


def is_part(modules: list[Module], folder: str, name: str) -> bool:
    """Tell whether a folder has a module or a package of that name."""
    paths = (f"{folder}/{name}.py", f"{folder}/{name}/")
    return any(module.path.startswith(paths) for module in modules)


def walls_hold(modules: list[Module]) -> list[str]:
    """Find what imports across a wall that stands in NEVER; what siblings share may be imported."""
    breaches = []
    for module in modules:
        for folder, package in NEVER.items():
            parent = package.replace(".", "/")
            for one in module.imports if module.path.startswith(folder) else ():
                shared = member_of(one.name.replace(".", "/"), parent) in SIBLINGS.get(parent, ())
                if one.within(package) and not shared:
                    breaches.append(f"{module.path}:{one.line}: imports {one.name}")
    return breaches


def converters_stand_alone(modules: list[Module]) -> list[str]:
    """Find a converter that imports the project: its environment has it not."""
    own = "model.bake.converters"
    return [
        f"{module.path}:{one.line}: imports {one.name}"
        for module in modules
        if module.path.startswith(f"{own.replace('.', '/')}/")
        for one in module.imports
        if any(map(one.within, PACKAGES)) and not one.within(own)
    ]


def infra_is_a_stair(modules: list[Module]) -> list[str]:
    """Find a part of infra that imports one above it, or that has no place on the stair."""
    breaches = []
    for module in modules:
        own = member_of(module.path, "infra")
        if own in ("", "__init__"):
            continue
        if own not in STAIR:
            breaches.append(f"{module.path}: {own} is no part of infra")
            continue
        for one in module.imports:
            other = member_of(one.name.replace(".", "/"), "infra")
            if other in STAIR and STAIR.index(other) > STAIR.index(own):
                breaches.append(f"{module.path}:{one.line}: {own} imports {one.name}")
    return breaches


def function_knows_the_aws_sdk_in_one_place(modules: list[Module]) -> list[str]:
    """Find boto3 outside infra and function/aws.py, which imports it late."""
    return [
        f"{module.path}:{one.line}: imports {one.name}"
        for module in modules
        if module.package in ("function", "model")
        for one in module.imports
        if any(map(one.within, AWS_SDK)) and not (one.late and module.path == "function/aws.py")
    ]


def only_the_settings_read_the_environment(modules: list[Module]) -> list[str]:
    """Find who looks at the environment's variables; the rest is handed its settings."""
    breaches = []
    for module in modules:
        if module.package not in ("function", "model") or module.path in READS_ENVIRONMENT:
            continue
        lines = {one.line for one in module.imports if one.name in ENVIRONMENT}
        lines |= {
            node.lineno
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ENVIRONMENT
        }
        breaches += [f"{module.path}:{line}: uses the environment" for line in sorted(lines)]
    return breaches


def what_serves_does_not_train(modules: list[Module]) -> list[str]:
    """Find serving modules that import the zoo's code, the baking, or a package for training."""
    forbidden = {"model.zoo", "model.bake", "tomli_w", *TRAINING}
    return [
        f"{module.path}:{one.line}: what serves imports {one.name}"
        for module in modules
        if module.serves
        for one in module.imports
        if any(map(one.within, forbidden))
    ]


def each_runtime_is_one_engines(modules: list[Module]) -> list[str]:
    """Find serving modules that import a runtime that is another module's to import."""
    return [
        f"{module.path}:{one.line}: imports {one.name}"
        for module in modules
        if module.serves
        for one in module.imports
        for runtime, engine in ENGINES.items()
        if one.within(runtime) and module.path != engine
    ]


def files_are_short(modules: list[Module]) -> list[str]:
    """Find files that should be two."""
    lines = {module.path: len(module.text.splitlines()) for module in modules}
    return [
        f"{path}: {count} lines"
        for path, count in lines.items()
        if count > (MOST_LINES_OF_TESTS if path.startswith("tests/") else MOST_LINES)
    ]


def functions_are_short(modules: list[Module]) -> list[str]:
    """Find functions whose body, but for the docstring, does not fit a screen."""
    breaches = []
    for module in modules:
        most = MOST_BODY_LINES_OF_TESTS if module.package == "tests" else MOST_BODY_LINES
        for function in module.functions():
            body = function.body[1 if ast.get_docstring(function) else 0 :]
            lines = (function.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > most:
                breaches.append(
                    f"{module.path}:{function.lineno}: {function.name} has {lines} lines"
                )
    return breaches


def parameters_are_few(modules: list[Module]) -> list[str]:
    """Find functions with more parameters by position than one can keep in order."""
    breaches = []
    for module in modules:
        for function in module.functions():
            arguments = [*function.args.posonlyargs, *function.args.args]
            count = len([one for one in arguments if one.arg not in ("self", "cls")])
            if count > MOST_POSITIONAL and module.package != "tests":
                place = f"{module.path}:{function.lineno}"
                breaches.append(f"{place}: {function.name} takes {count} by position")
    return breaches


def nothing_is_left_to_do(modules: list[Module]) -> list[str]:
    """Find comments that are notes to oneself; what is to be done is an issue."""
    return [
        f"{module.path}:{token.start[0]}: {found[0]}"
        for module in modules
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline)
        if token.type == tokenize.COMMENT and (found := NOTE.search(token.string))
    ]


def modules_say_what_they_are(modules: list[Module]) -> list[str]:
    """Find modules without a docstring; an empty file may mark a package of tests."""
    return [
        f"{module.path}: no docstring"
        for module in modules
        if not ast.get_docstring(module.tree) and (module.text or module.package != "tests")
    ]


def tests_say_what_they_prove(modules: list[Module]) -> list[str]:
    """Find tests that do not state a behaviour in a sentence."""
    return [
        f"{module.path}:{function.lineno}: {function.name} has no docstring"
        for module in modules
        if module.package == "tests"
        for function in module.functions()
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]


RULES: Final[list[Rule]] = [
    packages_import_only_what_they_may,
    siblings_do_not_import_each_other,
    walls_hold,
    converters_stand_alone,
    infra_is_a_stair,
    function_knows_the_aws_sdk_in_one_place,
    only_the_settings_read_the_environment,
    what_serves_does_not_train,
    each_runtime_is_one_engines,
    files_are_short,
    functions_are_short,
    parameters_are_few,
    nothing_is_left_to_do,
    modules_say_what_they_are,
    tests_say_what_they_prove,
]
