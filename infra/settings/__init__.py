"""
What function.yaml says: read once, checked whole, never changed.

    read(path)       Settings: the whole file
    function.py      what the emulator runs a function by
    front.py         `front_options`: what a gateway would be told
    aws.py           `aws`: what only the cloud knows
    values.py        the forms of values, and the words for one that is wrong
    limits.py        the service's limits of a function's settings
    errors.py        ConfigError, and the root of infra's errors
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

import yaml

from infra import FUNCTION_FILE as FUNCTION_FILE  # importable from here, too
from infra.settings.aws import AwsConfig
from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig
from infra.settings.values import Frozen, Location, Text


class Sample(Frozen):
    """One request worth showing: a file's bytes, posted as they are to a path of the front."""

    path: Text
    file: Location
    content_type: Text | None = None  # None: by the file's name

    @property
    def media_type(self) -> str:
        """What to send it as."""
        guessed = self.content_type or mimetypes.guess_type(self.file.name)[0]
        return guessed or "application/octet-stream"

    def read(self) -> bytes:
        """Read the file."""
        try:
            return self.file.read_bytes()
        except OSError as exc:
            raise ConfigError("sample.file", "a readable file", str(self.file)) from exc


class Settings(FunctionConfig):
    """All that function.yaml says. `region` is the function's, in the emulator and in the cloud."""

    sample: Sample | None = None
    aws: AwsConfig | None = None


def read(path: Path = FUNCTION_FILE) -> Settings:
    """Read function.yaml; relative paths in it start at its own folder."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        here = (
            " (run it in the checkout, or name one by --function)" if path == FUNCTION_FILE else ""
        )
        raise ConfigError(str(path), f"a readable file{here}", exc.strerror) from exc
    except yaml.YAMLError as exc:
        raise ConfigError(str(path), "YAML", str(exc).replace("\n", " ")) from exc
    if not isinstance(loaded, dict):
        raise ConfigError(str(path), "a mapping of settings", type(loaded).__name__)
    if loaded.get("region", "") is None:  # as AWS_REGION says, and the emulator's own
        del loaded["region"]
    given = {"root": ".", "handler": None, **loaded}
    return Settings.model_validate(given, context=path.parent)
