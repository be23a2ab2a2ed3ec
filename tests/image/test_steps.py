"""The scripts that run while the image is built, and what
reads and draws the result: on little data.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import struct
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from infra.image import checks, collect, prune
from infra.image.contents import Contents, Layer
from infra.image.packages import packages_of, source_of
from infra.image.parts import parts_of
from infra.image.sizes import layer_table, part_table
from infra.image.wheels import pinned
from infra.settings import limits


def written(root: Path, *paths: str) -> Path:
    """Write files that hold their own names."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


def listed(root: Path) -> list[str]:
    """List the files below a folder."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_unused_parts_go_and_are_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the list names is removed but for what is kept, and RECORD does not name it any more."""
    packages = written(tmp_path / "p", "a/x.py", "a/tests/y.py", "a/data/s3/z", "a/data/ec2/z")
    record = packages / "a-1.dist-info" / "RECORD"
    record.parent.mkdir()
    rows = ["a/x.py,sha256=1,6", "a/tests/y.py,,", '"a/data/s3/z",,', "../bin/a,,"]
    record.write_text("\n".join(rows) + "\n")
    unused = tmp_path / "unused.toml"
    unused.write_text(
        '[[parts]]\nremove = ["**/tests/"]\nwhy = "x"\n'
        '[[parts]]\nremove = ["a/data/*/"]\nkeep = ["a/data/s3"]\nwhy = "x"\n'
    )
    assert prune.main([str(unused), str(packages)]) == 0
    assert listed(packages) == ["a-1.dist-info/RECORD", "a/data/s3/z", "a/x.py"]
    assert record.read_text() == "a/x.py,sha256=1,6\na/data/s3/z,,\n"
    assert capsys.readouterr().out.endswith(" MB of packages are unused\n")


def test_a_part_that_is_no_more_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list that a new version of a package has outrun is told, and nothing is removed."""
    packages = written(tmp_path / "p", "a/tests")
    unused = tmp_path / "unused.toml"
    unused.write_text('[[parts]]\nremove = ["a/tests/"]\nwhy = "x"\n')
    assert prune.main([str(unused), str(packages)]) == 1
    said = "unused.toml: a/tests/: expected something to remove, got nothing\n"
    assert capsys.readouterr().err == said
    assert listed(packages) == ["a/tests"]


def test_of_a_bundle_only_what_serves_is_collected(tmp_path: Path) -> None:
    """What the manifest names goes with it; training code, charts and other models stay."""
    named = ("a/a.onnx", "a/names.txt", "a/recipe.py", "a/words.json")
    zoo = written(
        tmp_path / "zoo",
        *("a/train.py", "a/chart.png", "a/a.keras", *named, "a/golden.json", "a/samples/1.png"),
        *("b/1/b.onnx", "b/2/b.onnx", "b/labels.toml", "__init__.py", "no/bundle.txt"),
    )
    for bundle, file in (("a", "a.onnx"), ("b/1", "b.onnx"), ("b/2", "../../no/bundle.txt")):
        (zoo / bundle / "model.toml").write_text(f'[artefact]\nfile = "{file}"\n')
    assert collect.extras_of(zoo) == []
    with (zoo / "a" / "model.toml").open("a") as manifest:
        manifest.write('[answer]\nlabels = "names.txt"\n[custom]\nfile = "recipe.py"\n')
        manifest.write('[text]\ntokenizer = "words.json"\n')
    collect.collect(zoo, tmp_path / "out")
    assert listed(tmp_path / "out") == [
        *sorted((*named, "a/golden.json", "a/model.toml", "a/samples/1.png")),
        *("b/1/b.onnx", "b/1/model.toml", "b/2/model.toml", "b/labels.toml"),
    ]
    assert collect.extras_of(zoo) == ["tokenizers"]
    assert collect.strays(zoo) == [zoo / "no"]


def test_a_manifest_that_is_none_is_left_to_the_function(tmp_path: Path) -> None:
    """It goes into the image as it is, where loading it ends the build with the reason."""
    zoo = written(tmp_path / "zoo", "a/model.toml", "a/a.onnx")
    collect.collect(zoo, tmp_path / "out")
    assert listed(tmp_path / "out") == ["a/model.toml"]
    assert collect.extras_of(zoo) == []


def tar_of(files: dict[str, bytes]) -> bytes:
    """Make a tar file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def saved(*layers: dict[str, bytes]) -> bytes:
    """Make what `docker save` writes."""
    manifest = [{"Config": "c.json", "Layers": [f"{n}/layer.tar" for n in range(len(layers))]}]
    files = {"manifest.json": json.dumps(manifest).encode(), "c.json": b'{"config": {}}'}
    return tar_of(files | {f"{n}/layer.tar": tar_of(layer) for n, layer in enumerate(layers)})


@contextmanager
def opened(*layers: dict[str, bytes]) -> Iterator[Contents]:
    """Open an image; all layers but the last are its base."""
    with ExitStack() as stack, tarfile.open(fileobj=io.BytesIO(saved(*layers))) as archive:
        yield Contents(archive, stack, base_layers=len(layers) - 1)


def test_layers_cover_what_lies_below() -> None:
    """The last content of a file counts; a whiteout hides a file, a folder, or all of a folder."""
    layers: list[dict[str, bytes]] = [
        {"a/x": b"old", "a/y": b"", "b/x": b"", "c/x": b"", "d": b""},
        {"./a/x": b"new!", "a/.wh.y": b"", ".wh.b": b"", "c/.wh..wh..opq": b"", "c/z": b""},
    ]
    with opened(*layers) as contents:
        assert sorted(contents.entries) == ["a/x", "c/z", "d"]
        assert contents.read("a/x") == b"new!"
        assert sorted(entry.path for entry in contents.ours()) == ["a/x", "c/z"]


def test_of_code_a_bundle_has_its_recipe_only(tmp_path: Path) -> None:
    """One file, by exactly the hash in the manifest; any other is told."""
    digest = hashlib.sha256(b"x").hexdigest()
    manifest = (
        f'[artefact]\nfile = "m.onnx"\nsha256 = "{digest}"\n'
        f'[custom]\nfile = "recipe.py"\nsha256 = "{digest}"\n'
    ).encode()
    zoo = "var/task/model/zoo"
    layer = {f"{zoo}/a/model.toml": manifest, f"{zoo}/a/m.onnx": b"x", f"{zoo}/a/recipe.py": b"x"}
    code = (
        checks.ships_only_what_serves,
        checks.is_compiled,
        checks.models_are_the_baked(tmp_path),
    )
    with opened(layer) as contents:
        assert [breach for rule in code for breach in rule(contents)] == []
    planted = layer | {f"{zoo}/a/recipe.py": b"y", f"{zoo}/a/more.py": b"x", f"{zoo}/a/n.pkl": b"x"}
    with opened(planted) as contents:
        assert [breach for rule in code for breach in rule(contents)] == [
            f"/{zoo}/a/more.py: not needed for serving",
            f"/{zoo}/a/n.pkl: not needed for serving",
            f"/{zoo}/a/more.py: not compiled with an unchecked hash",
            f"/{zoo}/a/recipe.py: expected sha256 {digest}, got {hashlib.sha256(b'y').hexdigest()}",
        ]


def test_models_are_no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be as large as Lambda lets an image be; packages and code may not."""
    with opened(
        {"var/task/model/zoo/a/m.onnx": b"x" * 500, "var/task/function/f.py": b"x" * 50}
    ) as one:
        assert [*checks.is_small(one), *checks.fits_lambda(one)] == []
        monkeypatch.setattr(checks, "LIMIT_BYTES", 50)
        assert checks.is_small(one) == []
        monkeypatch.setattr(checks, "LIMIT_BYTES", 49)
        assert len(checks.is_small(one)) == 1
        monkeypatch.setattr(limits, "IMAGE_LIMIT_BYTES", 500)
        (told,) = checks.fits_lambda(one)
    assert told.startswith(
        "image: expected at most 0 MB, the largest image that Lambda takes, got "
    )


def test_a_compiled_file_belongs_to_its_source() -> None:
    """Sizes are told by package, and what was compiled counts to it."""
    assert source_of("a/__pycache__/b.cpython-313.pyc") == "a/b.py"
    assert source_of("a/b.so") == "a/b.so"


def test_sizes_are_drawn_largest_first() -> None:
    """A table with bars as long as what they stand for."""
    layers = [Layer("", 190_000_000, True), Layer("code", 10**6, False), Layer("big", 10**8, False)]
    assert layer_table(layers).splitlines() == [
        "layer                                   MB",
        f"big                                  100.0  {'█' * 32}",
        "code                                   1.0  █",
        "on top of the base                   101.0",
        "the base                             190.0",
        "the image                            291.0",
    ]
    parts = {f"p{number:02}": 10**6 for number in range(18)}
    assert (
        part_table("part", parts).splitlines()[-1] == "2 others                               2.0"
    )


def test_a_lock_is_cut_to_one_machine(tmp_path: Path) -> None:
    """Conditions are weighed for the image's Python and machine, not for those that run this."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(
        "# by make lock\n"
        "a==1 ; python_full_version < '3.12' \\\n    --hash=sha256:1\n    # via b\n"
        "a==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
        "b==1 ; platform_machine == 'aarch64' \\\n    --hash=sha256:4\n"
    )
    assert pinned(lock, "x86_64") == "a==2 --hash=sha256:2 --hash=sha256:3\n"
    assert pinned(lock, "aarch64").splitlines()[1] == "b==1 --hash=sha256:4"


def rpm_database(**tags: str) -> bytes:
    """Return RPM's database with one package, marked as one with a write-ahead log."""
    numbers = {"name": 1000, "version": 1001, "release": 1002, "licence": 1014, "arch": 1022}
    data = b"\0".join(text.encode() for text in tags.values()) + b"\0\0\0\x03"
    offsets = [sum(len(text) + 1 for text in list(tags.values())[:n]) for n in range(len(tags))]
    rows = [(numbers[tag], 6, at, 1) for tag, at in zip(tags, offsets, strict=True)]
    rows.append((1003, 4, len(data) - 4, 1))
    blob = struct.pack(">II", len(rows), len(data)) + b"".join(
        struct.pack(">IIII", *row) for row in rows
    )
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)")
    connection.execute("INSERT INTO Packages VALUES (1, ?)", (blob + data,))
    connection.commit()
    content = connection.serialize()
    return content[:18] + b"\x02\x02" + content[20:]


def test_the_parts_of_an_image_are_told_by_their_own_lists() -> None:
    """The base's packages by RPM, Python by its header, libraries by their wheel or their file."""
    sbom = {"components": [{"name": "zlib", "version": "1.3", "licenses": [{"expression": "Zlib"}]},
                           {"name": "a", "purl": "pkg:pypi/a@1"}]}  # fmt: skip
    task = "var/task"
    files = {
        "usr/lib/os-release": b'ID="amzn"\nVERSION_ID="2023"\n',
        "var/lib/rpm/rpmdb.sqlite": rpm_database(
            name="glibc", version="2.34", release="196.amzn2023", licence="LGPL-2.1", arch="x86_64"
        ),
        "var/lang/include/python3.13/patchlevel.h": b'#define PY_VERSION              "3.13.7"\n',
        f"{task}/fastapi_swagger/resources/swagger-ui-bundle.js": b'{PACKAGE_VERSION:"5.34.0",',
        f"{task}/a-1.dist-info/METADATA": b"Name: a\nVersion: 1\n",
        f"{task}/a-1.dist-info/RECORD": b"a-1.dist-info/sboms/a.json,,\na.libs/libz-1.so.1,,\n",
        f"{task}/a-1.dist-info/sboms/a.json": json.dumps(sbom).encode(),
        f"{task}/a.libs/libz-1.so.1": b"",
        f"{task}/b-1.dist-info/METADATA": b"Name: b\nVersion: 1\n",
        f"{task}/b-1.dist-info/RECORD": b"b.libs/libopenblas-1.so,,\nb.libs/pruned.so,,\n",
        f"{task}/b.libs/libopenblas-1.so": b"\0OpenBLAS 0.3.34 NO_LAPACKE\0",
    }
    with opened(files) as contents:
        found = [(one.ref, one.licence) for one in parts_of(contents, packages_of(contents))]
    assert found == [
        (
            "pkg:rpm/amzn/glibc@2.34-196.amzn2023?arch=x86_64&distro=amzn-2023&epoch=3",
            "LGPL-2.1",
        ),
        ("pkg:generic/python@3.13.7", "PSF-2.0"),
        ("pkg:github/swagger-api/swagger-ui@v5.34.0", "Apache-2.0"),
        ("a/zlib@1.3", "Zlib"),
        ("b/libopenblas-1.so@0.3.34", None),
    ]
