"""ConfigError, and the root of all errors that a command reports in one line.

InfraError
├── ConfigError         function.yaml or a flag: names the key, what was expected, what it got
├── ContainersError     infra/containers.py
├── LocalError          infra/local/errors.py
├── ImageError          infra/image/errors.py
├── RegistryError       infra/cloud/registry.py
├── ReleaseError        infra/release/errors.py
└── BulkError           infra/bulk/errors.py
"""

from __future__ import annotations


class InfraError(Exception):
    """The root: its message is for the user, without a traceback."""


class ConfigError(InfraError):
    """A wrong setting: names it, what was expected, and what it got."""

    def __init__(self, where: str, expected: str, got: object) -> None:
        super().__init__(f"{where}: expected {expected}, got {got!r}")
