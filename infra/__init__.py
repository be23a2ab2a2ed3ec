"""
The places the function runs: the laptop and the cloud. Never shipped in the image.

Imports neither `function` nor `model`; knows the handler only as a string.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FUNCTION_FILE: Final = Path("infra/function.yaml")
"""Where commands look for the settings, from the folder they are called in."""
