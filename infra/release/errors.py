"""
What can stop a release.

    ReleaseError
    ├── NotReady            the preflight: credentials, region, a tool; each with its remedy
    ├── NotAgreed           nobody said yes
    ├── Busy                another command is at the stage, or one was killed there; says which
    ├── TerraformFailed     terraform said no; carries the end of what it said
    ├── CutOff              AWS did not answer as it should; says what stands and what to do
    ├── NotDeployed         a stage that is not there, or not whole
    ├── Refused             the new version got no traffic, or gave it back; says why
    └── NotHealthy          it is released, and does not answer as it must
"""

from __future__ import annotations

from collections.abc import Sequence

from infra.settings.errors import InfraError


class ReleaseError(InfraError):
    """Be the root of the release's errors."""


class NotReady(ReleaseError):
    """List what is missing, and what to do about each."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("not ready:" + "".join(f"\n  {one}" for one in missing))


class NotAgreed(ReleaseError):
    """Say what stands where somebody did not agree."""

    def __init__(self, stands: str) -> None:
        super().__init__(f"not agreed to (--yes agrees): {stands}")


class Busy(ReleaseError):
    """Say who is at a stage, and what to do about it."""


class CutOff(ReleaseError):
    """Say what went wrong in the middle, and what stands now."""

    def __init__(self, said: str, stands: str) -> None:
        super().__init__(f"{said}\n{stands}")


class TerraformFailed(ReleaseError):
    """Say which command failed, and the end of what it said."""

    def __init__(self, program: str, command: str, said: str) -> None:
        lines = [line for line in said.strip().splitlines() if line.strip(" ╷│╵")][-20:]
        listed = "".join(f"\n  {line}" for line in lines or ["nothing"])
        super().__init__(f"expected {program} {command} to succeed, it said:{listed}")


class NotDeployed(ReleaseError):
    """Name a stage that has no function, or only a part of what it needs."""

    def __init__(self, stage: str, got: str = "none") -> None:
        super().__init__(
            f"stage {stage}: expected one that is deployed, got {got}: "
            f"lambake deploy --stage {stage}"
        )


class Refused(ReleaseError):
    """Say why a version did not get, or keep, the traffic."""


class NotHealthy(ReleaseError):
    """Say what was asked over HTTPS, what was expected and what it got."""
