"""The errors of the image.

ImageError
├── WheelsMissing       the locked packages are not available
└── Unfit               the image is built but breaks rules; lists each breach
"""

from __future__ import annotations

from collections.abc import Sequence

from infra.settings.errors import InfraError


class ImageError(InfraError):
    """The root of the image's errors."""


class WheelsMissing(ImageError):
    """pip could not fetch the locked packages."""

    def __init__(self, said: str) -> None:
        lines = said.strip().splitlines() or ["nothing"]
        super().__init__(
            "expected the package index to give every locked wheel; is it reachable? "
            f"pip says: {lines[-1]}"
        )


class Unfit(ImageError):
    """An image that breaks rules; lists the breaches."""

    def __init__(self, tag: str, breaches: Sequence[str]) -> None:
        self.breaches = tuple(breaches)
        listed = "".join(f"\n  {breach}" for breach in breaches)
        super().__init__(f"{tag} breaks the rules of an image:{listed}")
