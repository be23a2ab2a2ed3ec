"""The settings of function.yaml: read once, checked as a whole, never changed.

read(path)       Settings: the whole file
function.py      the function, for the emulator
front.py         `front_options`: the settings of a gateway
aws.py           `aws`: the settings that only apply to the cloud
values.py        the forms of values, and the errors for wrong ones
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
    """A sample request: a file's bytes, posted unchanged to a path of the front."""

    path: Text
    file: Location
    content_type: Text | None = None  # None: from the file's name

    @property
    def media_type(self) -> str:
        """Its content type."""
        guessed = self.content_type or mimetypes.guess_type(self.file.name)[0]
        return guessed or "application/octet-stream"

    def read(self) -> bytes:
        """Read the file."""
        try:
            return self.file.read_bytes()
        except OSError as exc:
            raise ConfigError("sample.file", "a readable file", str(self.file)) from exc


class Settings(FunctionConfig):
    """All of function.yaml. `region` applies to the emulator and to the cloud."""

    sample: Sample | None = None
    aws: AwsConfig | None = None


def read(path: Path = FUNCTION_FILE) -> Settings:
    """Read function.yaml; relative paths in it start at its folder."""
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
    if loaded.get("region", "") is None:  # AWS_REGION decides, or the emulator's default
        del loaded["region"]
    given = {"root": ".", "handler": None, **loaded}
    return Settings.model_validate(given, context=path.parent)
