"""Inside a new mount namespace: make the file system look like Lambda's, then hold it open.

A script, started by isolation.py with the standard library only, as the namespace's root:

    python -I isolated_root.py TMP_MB CODE TASK_ROOT VISIBLE_FOLDER...

Everything becomes read-only; the folder CODE is also at TASK_ROOT; /tmp is empty, writable and
limited; /home, /root and the files of passwords are empty; /dev has no shm. Prints "ready" when
done, and runs until its standard input ends. Needs Linux 5.12 (mount_setattr).
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC = 2, 4, 4096, 16384
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1
_SYS_MOUNT_SETATTR = 442  # the same on every architecture
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}

_HOMES = ("/home", "/root")
_PASSWORDS = ("/etc/shadow", "/etc/gshadow")
_TMP = "/tmp"  # noqa: S108 - the function's own

_libc = ctypes.CDLL(None, use_errno=True)


class MountAttributes(ctypes.Structure):
    """The kernel's struct mount_attr."""

    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount a file system, or raise OSError."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()
    )
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def make_read_only(target: str) -> None:
    """Make a mount and everything below it read-only."""
    set_attributes(target, MountAttributes(attr_set=_MOUNT_ATTR_RDONLY))


def make_writable(target: str) -> None:
    """Undo make_read_only."""
    set_attributes(target, MountAttributes(attr_clr=_MOUNT_ATTR_RDONLY))


def set_attributes(target: str, attributes: MountAttributes) -> None:
    """Change a mount and everything below it, or raise OSError."""
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR,
        _AT_FDCWD,
        target.encode(),
        _AT_RECURSIVE,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def hidden_by(folder: str, mounted: str) -> bool:
    """Whether a folder is below a path that will be mounted over."""
    return Path(folder).is_relative_to(mounted)


def bind(descriptor: int, target: str) -> None:
    """Mount an open file or folder at a path."""
    mount(f"/proc/self/fd/{descriptor}", target, "none", _MS_BIND | _MS_REC)


def code_at(task_root: Path, code: str) -> None:
    """Mount the code's folder; the folders and links beside it stay visible, files do not."""
    beside = [path for path in task_root.parent.iterdir() if path != task_root]
    links = {path: path.readlink() for path in beside if path.is_symlink()}
    folders = {path: path for path in beside if path.is_dir() and path not in links}
    folders[task_root] = Path(code)
    kept = {path: os.open(source, os.O_PATH) for path, source in folders.items()}
    parent = str(task_root.parent)
    mount("tmpfs", parent, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=64k,mode=755")
    for path, target in links.items():
        path.symlink_to(target)
    for path, descriptor in kept.items():
        path.mkdir()
        bind(descriptor, str(path))
        os.close(descriptor)
    make_read_only(parent)


def emptied(target: str, options: str, folders: list[str]) -> None:
    """Mount an empty folder; folders of ours inside it stay visible, read-only."""
    kept = {path: os.open(path, os.O_PATH) for path in folders if hidden_by(path, target)}
    mount("tmpfs", target, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    for path, descriptor in kept.items():
        os.makedirs(path, exist_ok=True)
        bind(descriptor, path)
        make_read_only(path)
        os.close(descriptor)


def without_secrets(folders: list[str]) -> None:
    """Hide people's files and passwords: the code that runs here may be a stranger's."""
    for home in filter(os.path.isdir, _HOMES):
        emptied(home, "size=64k,mode=755", folders)
        make_read_only(home)
    for file in filter(os.path.isfile, _PASSWORDS):
        mount("/dev/null", file, "none", _MS_BIND)


def bare_devices() -> None:
    """Mount a /dev with Lambda's devices, and without shm."""
    kept = {name: os.open(f"/dev/{name}", os.O_PATH) for name in _DEVICES}
    mount("tmpfs", "/dev", "tmpfs", _MS_NOSUID, "size=64k,mode=755")
    for name, descriptor in kept.items():
        Path("/dev", name).touch()
        bind(descriptor, f"/dev/{name}")
        os.close(descriptor)
    for name, target in _LINKS.items():
        Path("/dev", name).symlink_to(target)


def main(arguments: list[str]) -> None:
    """Prepare the file system, report it, and wait."""
    tmp_mb, code, task_root, *folders = arguments
    make_read_only("/")
    # Its files are the kernel's; entering a user namespace requires writing to some.
    make_writable("/proc")
    code_at(Path(task_root), code)
    without_secrets(folders)
    emptied(_TMP, f"size={int(tmp_mb)}m,mode=1777", folders)
    bare_devices()
    make_read_only("/dev")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
