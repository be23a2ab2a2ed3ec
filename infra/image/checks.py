"""The rules of an image, one function each: a rule reads the image and lists its breaches."""

from __future__ import annotations

import posixpath
import re
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.image.collect import bundles
from infra.image.contents import TASK, Contents
from infra.image.packages import owners, packages_of, sizes_of, source_of
from infra.image.wheels import pinned
from infra.settings import limits

LIMIT_BYTES = 150_000_000
"""The most that packages and code may have; models are as large as they are."""

_ENTRYPOINT = [f"/{TASK}/function/entrypoint.sh"]
_COMMAND = ["function.entry.handler"]
_SILENT = "ORT_DISABLE_TELEMETRY=1"
_LABELS = ("version", "revision", "licenses", "base.name")
_ZOO = f"{TASK}/model/zoo/"
_COMPILER = re.compile(
    r"(?:\w+-linux-gnu-)?(?:gcc|g\+\+|cc|c\+\+|cpp|clang|as|ld|make|cmake|cargo|rustc|go|tcc)"
    r"(?:-[\d.]+)?"
)
_UNSHIPPED = re.compile(
    r"/(?:tests?|\.git|\.cache|infra)/|\.(?:whl|keras|h5|pkl|pickle)$|/model/bake/|/zoo/.*\.py$"
)
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
# From PEP 552: bit 0 says that the file is checked by a hash, bit 1 that the hash is compared.
_UNCHECKED_HASH = b"\x01\0\0\0"

Rule = Callable[[Contents], Sequence[str]]
Hashed = dict[str, tuple[str, str]]
"""Files by path, each with the hash that its manifest states and the one that it has."""


def runs_as_a_user(contents: Contents) -> list[str]:
    """Require a user other than root, by name and number."""
    user = str(contents.config["config"].get("User") or "")
    is_root = user.partition(":")[0] in ("", "0", "root")
    return [f"user: expected another than root, got {user or 'none'}"] if is_root else []


def starts_as_documented(contents: Contents) -> list[str]:
    """Compare the entry point, the command and the labels with docs/cloud.md."""
    config = contents.config["config"]
    labels: Mapping[str, str] = config.get("Labels") or {}
    breaches = [
        f"{key}: expected {expected}, got {config.get(key)}"
        for key, expected in (("Entrypoint", _ENTRYPOINT), ("Cmd", _COMMAND))
        if config.get(key) != expected
    ]
    names = (f"org.opencontainers.image.{name}" for name in _LABELS)
    return breaches + [f"label {name}: expected a value" for name in names if not labels.get(name)]


def tells_nobody(contents: Contents) -> list[str]:
    """Require that the engine's telemetry is off.

    Source: onnxruntime/Privacy.md, "Telemetry is turned ON by default in the official builds";
    ORT_DISABLE_TELEMETRY=1 "prevents the uploader, events, and persistent device identifier".
    """
    silent = _SILENT in (contents.config["config"].get("Env") or [])
    return [] if silent else [f"environment: expected {_SILENT}, got none"]


def has_no_compiler(contents: Contents) -> list[str]:
    """Find compilers, linkers and builders in the whole image, the base included."""
    return [
        f"/{entry.path}: a compiler"
        for entry in contents.entries.values()
        if _COMPILER.fullmatch(posixpath.basename(entry.path))
        and (entry.member.issym() or (entry.is_file and entry.mode & _EXECUTABLE))
    ]


def ships_only_what_serves(contents: Contents) -> list[str]:
    """Find files that serving does not need, and files that are neither a package's nor ours."""
    owner = owners(packages_of(contents))
    known = _artefacts(contents) | _recipes(contents)
    breaches = []
    for entry in contents.ours():
        path = entry.path
        if not entry.is_file or path in known:
            continue
        ours = path.startswith((f"{TASK}/function/", f"{TASK}/model/"))
        if source_of(path) not in owner and not ours:
            breaches.append(f"/{path}: neither a package's nor ours")
        elif _UNSHIPPED.search(path):
            breaches.append(f"/{path}: not needed for serving")
    return breaches


def packages_are_the_locked(locks: Sequence[Path]) -> Rule:
    """Return the rule that the installed packages are the locked ones, unaltered but pruned."""

    def rule(contents: Contents) -> list[str]:
        machine = {"amd64": "x86_64", "arm64": "aarch64"}[contents.config["architecture"]]
        lines = (line for lock in locks for line in pinned(lock, machine).splitlines())
        locked = {line.split(" ")[0].lower() for line in lines}
        packages = packages_of(contents)
        installed = {
            f"{re.sub('[-_.]+', '-', package.name)}=={package.version}".lower()
            for package in packages
        }
        breaches = [f"{name}: locked, not installed" for name in sorted(locked - installed)]
        breaches += [f"{name}: installed, not locked" for name in sorted(installed - locked)]
        return breaches + [
            f"/{path}: not as {package.name} has it"
            for package in packages
            for path in package.altered(contents)
        ]

    return rule


def models_are_the_baked(zoo: Path) -> Rule:
    """Return the rule that every bundle of the zoo is in the image, with the files it was baked
    with.
    """

    def rule(contents: Contents) -> list[str]:
        breaches = [
            f"/{path}: expected sha256 {expected}, got {got}"
            for path, (expected, got) in (_artefacts(contents) | _recipes(contents)).items()
            if got != expected
        ]
        for manifest in (bundle / "model.toml" for bundle in bundles(zoo)):
            path = _ZOO + manifest.relative_to(zoo).as_posix()
            if path not in contents.entries:
                breaches.append(f"/{path}: not in the image")
            elif contents.read(path) != manifest.read_bytes():
                breaches.append(f"/{path}: another manifest than {manifest}")
        return breaches

    return rule


def is_compiled(contents: Contents) -> list[str]:
    """Find sources without a compiled file that Python uses without checking it."""
    compiled = {
        source_of(entry.path): entry.path
        for entry in contents.ours()
        if entry.path.endswith(".pyc")
    }
    ours = {entry.path for entry in contents.ours()} - _recipes(contents).keys()
    sources = sorted(path for path in ours if path.endswith(".py"))
    return [
        f"/{path}: not compiled with an unchecked hash"
        for path in sources
        if path not in compiled or contents.read(compiled[path])[4:8] != _UNCHECKED_HASH
    ]


def can_be_read(contents: Contents) -> list[str]:
    """Check permissions: all may read, only the owner may write, no file changes the user."""
    breaches = []
    for entry in contents.ours():
        wanted = 0o555 if entry.member.isdir() else 0o444
        if entry.is_file or entry.member.isdir():
            if entry.mode & wanted != wanted:
                breaches.append(f"/{entry.path}: not everybody may read it")
            if entry.mode & (stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID):
                breaches.append(f"/{entry.path}: mode {stat.S_IMODE(entry.mode):o}")
    return breaches


def is_small(contents: Contents) -> list[str]:
    """Compare the size of packages and code with the limit."""
    size = sum(sizes_of(contents, packages_of(contents)).parts.values())
    if size <= LIMIT_BYTES:
        return []
    limit = f"{LIMIT_BYTES / 1e6:g} MB of packages and code"
    return [f"size: expected at most {limit} on the base, got {size / 1e6:.1f}"]


def fits_lambda(contents: Contents) -> list[str]:
    """Compare the size of all layers with the service's limit."""
    size = sum(layer.size_bytes for layer in contents.layers)
    if size <= limits.IMAGE_LIMIT_BYTES:
        return []
    most = f"{limits.IMAGE_LIMIT_BYTES / 1e6:,.0f} MB, the largest image that Lambda takes"
    return [f"image: expected at most {most}, got {size / 1e6:,.1f}"]


def breaches_of(contents: Contents, *, locks: Sequence[Path], zoo: Path) -> list[str]:
    """Return the breaches of all rules."""
    rules: list[Rule] = [
        runs_as_a_user,
        starts_as_documented,
        tells_nobody,
        has_no_compiler,
        ships_only_what_serves,
        packages_are_the_locked(locks),
        models_are_the_baked(zoo),
        is_compiled,
        can_be_read,
        is_small,
        fits_lambda,
    ]
    return [breach for rule in rules for breach in rule(contents)]


def _artefacts(contents: Contents) -> Hashed:
    """Return the model files, each with the hash in its manifest and its real one."""
    return _hashed(contents, "artefact")


def _recipes(contents: Contents) -> Hashed:
    """Return the bundles' own recipes: the only code in a bundle, by exactly its hash."""
    return _hashed(contents, "custom")


def _hashed(contents: Contents, table: str) -> Hashed:
    found: Hashed = {}
    for path in sorted(contents.entries):
        if path.startswith(_ZOO) and path.endswith("/model.toml"):
            stated = tomllib.loads(contents.read(path).decode("utf-8")).get(table)
            if stated:
                file = path.replace("model.toml", stated["file"])
                found[file] = (stated["sha256"], contents.sha256(file).hex())
    return found
