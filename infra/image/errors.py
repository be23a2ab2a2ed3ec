"""
What can go wrong with the image.

    ImageError
    ├── NoEngine            neither docker nor podman answers
    ├── EngineFailed        one of their commands failed; carries the end of what it said
    ├── WheelsMissing       the locked packages cannot be had
    └── Unfit               the image is built, and is not as it must be; lists each breach
"""

from __future__ import annotations

from collections.abc import Sequence


class ImageError(Exception):
    """Be the root of the image's errors."""


class NoEngine(ImageError):
    """Say that no program that builds and runs containers answers."""

    def __init__(self, tried: Sequence[str]) -> None:
        reasons = "; ".join(tried)
        super().__init__(
            f"expected docker or podman to answer, got none ({reasons}):"
            " on Debian, apt install podman runc"
        )


class EngineFailed(ImageError):
    """Say which command failed, and the end of what it said."""

    def __init__(self, command: Sequence[str], status: int, said: str) -> None:
        self.said = said
        lines = said.strip().splitlines()[-12:] or ["nothing"]
        listed = "\n  ".join(lines)
        super().__init__(
            f"expected {' '.join(command[:2])} to succeed, got status {status}:\n  {listed}"
        )


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
