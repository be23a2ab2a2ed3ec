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
    """The root of the release's errors."""


class NotReady(ReleaseError):
    """Something is missing; lists each, with its remedy."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("not ready:" + "".join(f"\n  {one}" for one in missing))


class NotAgreed(ReleaseError):
    """Somebody did not agree; says what stands."""

    def __init__(self, stands: str) -> None:
        super().__init__(f"not agreed to (--yes agrees): {stands}")


class Busy(ReleaseError):
    """Somebody else is at the stage; says who, and what to do."""


class CutOff(ReleaseError):
    """Something went wrong in the middle; says what stands now."""

    def __init__(self, said: str, stands: str) -> None:
        super().__init__(f"{said}\n{stands}")


class TerraformFailed(ReleaseError):
    """A command of Terraform's failed; carries the end of what it said."""

    def __init__(self, program: str, command: str, said: str) -> None:
        lines = [line for line in said.strip().splitlines() if line.strip(" ╷│╵")][-20:]
        listed = "".join(f"\n  {line}" for line in lines or ["nothing"])
        super().__init__(f"expected {program} {command} to succeed, it said:{listed}")


class NotDeployed(ReleaseError):
    """A stage has no function, or only a part of what it needs."""

    def __init__(self, stage: str, got: str = "none") -> None:
        super().__init__(
            f"stage {stage}: expected one that is deployed, got {got}: "
            f"lambake deploy --stage {stage}"
        )


class Refused(ReleaseError):
    """A version did not get, or keep, the traffic; says why."""


class NotHealthy(ReleaseError):
    """The API does not answer as it must; says what was asked, expected and got."""
