"""What is really in an image, read from what `docker save` or `podman save` writes."""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast

from infra.containers import ContainerTool
from infra.image.errors import ImageError

TASK = "var/task"
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True)
class Layer:
    """One layer: the whole base, or one that our Dockerfile adds."""

    name: str
    size_bytes: int  # uncompressed, as Lambda counts it
    base: bool


@dataclass(frozen=True)
class Entry:
    """One file, folder or link in the image; paths have no leading slash."""

    path: str
    size_bytes: int
    mode: int
    layer: int
    member: tarfile.TarInfo

    @property
    def is_file(self) -> bool:
        """Whether it has content of its own."""
        return self.member.isreg()


class Contents:
    """An open image: its layers, its configuration, and the files that are visible in the end."""

    def __init__(self, archive: tarfile.TarFile, stack: ExitStack, base_layers: int) -> None:
        manifest = json.loads(_read(archive, "manifest.json"))[0]
        self.config: Mapping[str, Any] = json.loads(_read(archive, manifest["Config"]))
        self.entries: dict[str, Entry] = {}
        self.layers: list[Layer] = []
        self._tars: list[tarfile.TarFile] = []
        for number, name in enumerate(manifest["Layers"]):
            size = archive.getmember(name).size
            file = _member(archive, name)
            self._tars.append(stack.enter_context(tarfile.TarFile(fileobj=file)))
            files = self._lay(number)
            self.layers.append(Layer(_layer_name(files), size, number < base_layers))

    def ours(self) -> Iterator[Entry]:
        """Yield what lies on top of the base."""
        return (entry for entry in self.entries.values() if not self.layers[entry.layer].base)

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            ImageError: there is no such file.
        """
        return self._open(path).read()

    def sha256(self, path: str) -> bytes:
        """Return the digest of a file's content, which may be larger than the memory.

        Raises:
            ImageError: there is no such file.
        """
        return hashlib.file_digest(self._open(path), "sha256").digest()

    def _open(self, path: str) -> BufferedReader:
        entry = self.entries.get(path)
        file = self._tars[entry.layer].extractfile(entry.member) if entry else None
        if file is None:
            raise ImageError(f"expected the file /{path} in the image, got none")
        return cast(BufferedReader, file)

    def _lay(self, number: int) -> list[str]:
        """Apply a layer to what is there; a whiteout hides what lay below.

        Returns:
            The paths of its files.
        """
        files = []
        for member in self._tars[number]:
            path = posixpath.normpath(member.name).lstrip("/")
            folder, name = posixpath.split(path)
            if name == _OPAQUE:
                self._hide(folder, number)
            elif name.startswith(_WHITEOUT):
                hidden = posixpath.join(folder, name.removeprefix(_WHITEOUT))
                self.entries.pop(hidden, None)
                self._hide(hidden, number)
            else:
                self.entries[path] = Entry(path, member.size, member.mode, number, member)
                files += [path] if member.isreg() else []
        return files

    def _hide(self, folder: str, number: int) -> None:
        below = [
            path
            for path, entry in self.entries.items()
            if path.startswith(f"{folder}/") and entry.layer < number
        ]
        for path in below:
            del self.entries[path]


@contextmanager
def contents_of(tool: ContainerTool, image: str, base: str | None) -> Iterator[Contents]:
    """Open an image.

    Args:
        tool: docker or podman, which has the image.
        image: its name.
        base: the name of the image it was made from, if any.

    Raises:
        ImageError: there is no such image.
    """
    below = tool.inspect(base) if base is not None else None
    base_layers = len(below["RootFS"]["Layers"]) if below else 0
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lambake-image-"))
        saved = Path(folder) / "image.tar"
        tool.ask("save", "--output", str(saved), image)
        archive = stack.enter_context(tarfile.open(saved))
        yield Contents(archive, stack, base_layers)


def _layer_name(files: Sequence[str]) -> str:
    """Return a layer's name, by its contents."""
    if any(".dist-info/" in path for path in files):
        return "packages"
    common = posixpath.commonpath(files) if files else "nothing"
    return "code" if common == TASK else common.removeprefix(f"{TASK}/")


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    return cast(IO[bytes], archive.extractfile(name))


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    return _member(archive, name).read()
