"""
What can go wrong with the image.

    ImageError
    ├── WheelsMissing       the locked packages cannot be had
    └── Unfit               the image is built, and is not as it must be; lists each breach
"""

from __future__ import annotations

from collections.abc import Sequence

from infra.settings.errors import InfraError


class ImageError(InfraError):
    """Be the root of the image's errors."""


class WheelsMissing(ImageError):
    """Say that pip could not fetch the locked packages."""

    def __init__(self, said: str) -> None:
        lines = said.strip().splitlines() or ["nothing"]
        super().__init__(
            "expected the package index to give every locked wheel; is it reachable? "
            f"pip says: {lines[-1]}"
        )


class Unfit(ImageError):
    """List what is wrong with an image."""

    def __init__(self, tag: str, breaches: Sequence[str]) -> None:
        self.breaches = tuple(breaches)
        listed = "".join(f"\n  {breach}" for breach in breaches)
        super().__init__(f"{tag} is not as it must be:{listed}")
