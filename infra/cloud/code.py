"""The code behind moto's functions: an image's by its URI, a zip's unpacked and isolated.

A zip may be anybody's, as the cloud takes it from whoever reaches its port.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.local.sandbox.isolation import missing_for_isolation
from infra.settings.errors import ConfigError

# From an image's URI to the settings (of FunctionConfig) for its code.
Images = Callable[[str], Mapping[str, Any]]


def one_code_for_all(_uri: str) -> Mapping[str, Any]:
    """Use the plug-in's code for every image."""
    return {}


class FunctionCode:
    """Finds the code of a function of moto's; each zip is unpacked once."""

    def __init__(self, images: Images = one_code_for_all) -> None:
        self._images = images
        self._unpacked: dict[str, Path] = {}

    def settings_of(self, function: Any) -> dict[str, Any]:
        """Return the settings for the function's code, with its handler if known."""
        if function.package_type != "Image":
            isolated = missing_for_isolation() is None
            settings = {"root": self._folder_of(function), "handler": function.handler}
            return settings | {"isolated": isolated, "snap_start": False}
        settings = dict(self._images(str(function.code.get("ImageUri", ""))))
        command = function.image_config.cmd
        return settings | ({"handler": command[0]} if command else {})

    def close(self) -> None:
        """Remove the unpacked zips."""
        unpacked, self._unpacked = self._unpacked, {}
        for folder in unpacked.values():
            shutil.rmtree(folder, ignore_errors=True)

    def _folder_of(self, function: Any) -> Path:
        digest = function.code_sha_256
        if digest not in self._unpacked:
            folder = Path(tempfile.mkdtemp(prefix="lambake-zip-"))
            try:
                with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
                    archive.extractall(folder)  # never writes outside the folder
            except zipfile.BadZipFile as error:
                raise ConfigError("Code", "a zip file", str(error)) from error
            self._unpacked[digest] = folder
        return self._unpacked[digest]
