"""The errors of a release.

ReleaseError
├── NotReady            the preflight: credentials, region, a tool; each with its remedy
├── NotAgreed           the user did not agree
├── Busy                another command uses the stage, or was killed there; says which
├── TerraformFailed     terraform failed; carries the end of its output
├── CutOff              AWS did not answer as expected; says what is in place and what to do
├── NotDeployed         the stage does not exist, or only in part
├── Refused             the new version got no traffic, or gave it back; says why
└── NotHealthy          it is released, but does not answer as expected
"""

from __future__ import annotations

from collections.abc import Sequence

from infra.settings.errors import InfraError


class ReleaseError(InfraError):
    """The root of the release's errors."""


class NotReady(ReleaseError):
    """Something is missing; lists everything, with remedies."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("not ready:" + "".join(f"\n  {one}" for one in missing))


class NotAgreed(ReleaseError):
    """The user did not agree; says what is in place."""

    def __init__(self, stands: str) -> None:
        super().__init__(f"not agreed to (--yes agrees): {stands}")


class Busy(ReleaseError):
    """Another command uses the stage; says which, and what to do."""


class CutOff(ReleaseError):
    """Something went wrong in the middle; says what is in place now."""

    def __init__(self, said: str, stands: str) -> None:
        super().__init__(f"{said}\n{stands}")


class TerraformFailed(ReleaseError):
    """A Terraform command failed; carries the end of its output."""

    def __init__(self, program: str, command: str, said: str, *, remedy: str = "") -> None:
        lines = [line for line in said.strip().splitlines() if line.strip(" ╷│╵")][-20:]
        listed = "".join(f"\n  {line}" for line in lines or ["nothing"])
        super().__init__(f"expected {program} {command} to succeed, got:{listed}{remedy}")


class NotDeployed(ReleaseError):
    """A stage has no function, or only part of what it needs."""

    def __init__(self, stage: str, got: str = "none") -> None:
        super().__init__(
            f"stage {stage}: expected one that is deployed, got {got}: "
            f"lambake deploy --stage {stage}"
        )


class Refused(ReleaseError):
    """A version did not get, or keep, the traffic; says why."""


class NotHealthy(ReleaseError):
    """The API does not answer as expected; says what was asked, expected and got."""
