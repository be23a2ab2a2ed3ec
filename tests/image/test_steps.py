"""The scripts that run while the image is built, and what
reads and draws the result: on little data.
"""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.image import collect, prune
from infra.image.contents import Contents, Layer
from infra.image.packages import source_of
from infra.image.sizes import layer_table, part_table
from infra.image.wheels import pinned


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
    """The manifest's own model file goes with it; training code, charts and other models stay."""
    zoo = written(
        tmp_path / "zoo",
        *("a/train.py", "a/chart.png", "a/a.keras", "a/a.onnx", "a/golden.json", "a/samples/1.png"),
        *("b/1/b.onnx", "b/2/b.onnx", "b/labels.toml", "__init__.py", "no/bundle.txt"),
    )
    for bundle, file in (("a", "a.onnx"), ("b/1", "b.onnx"), ("b/2", "b.onnx")):
        (zoo / bundle / "model.toml").write_text(f'[artefact]\nfile = "{file}"\n')
    with (zoo / "a" / "model.toml").open("a") as manifest:
        manifest.write('[answer]\nlabels = "names.txt"\n')
    (zoo / "a" / "names.txt").write_text("x\n")
    collect.collect(zoo, tmp_path / "out")
    assert listed(tmp_path / "out") == [
        *("a/a.onnx", "a/golden.json", "a/model.toml", "a/names.txt", "a/samples/1.png"),
        *("b/1/b.onnx", "b/1/model.toml", "b/2/b.onnx", "b/2/model.toml", "b/labels.toml"),
    ]


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


def test_layers_cover_what_lies_below() -> None:
    """The last content of a file counts; a whiteout hides a file, a folder, or all of a folder."""
    layers: list[dict[str, bytes]] = [
        {"a/x": b"old", "a/y": b"", "b/x": b"", "c/x": b"", "d": b""},
        {"./a/x": b"new!", "a/.wh.y": b"", ".wh.b": b"", "c/.wh..wh..opq": b"", "c/z": b""},
    ]
    with ExitStack() as stack, tarfile.open(fileobj=io.BytesIO(saved(*layers))) as archive:
        contents = Contents(archive, stack, base_layers=1)
        assert sorted(contents.entries) == ["a/x", "c/z", "d"]
        assert contents.read("a/x") == b"new!"
        assert sorted(entry.path for entry in contents.ours()) == ["a/x", "c/z"]


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
    assert part_table(parts).splitlines()[-1] == "2 others                               2.0"


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
