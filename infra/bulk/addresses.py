"""Where objects are: s3://bucket/prefix, the prefix always a whole folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from infra.bulk.errors import AddressError

_ADDRESS = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.S
)


@dataclass(frozen=True)
class Folder:
    """A folder of a bucket; the prefix is empty, or ends with a slash."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, address: str) -> Self:
        """Parse `s3://bucket/prefix`; `in/digits` means `in/digits/`, not `in/digits-old/`."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise AddressError(
                f"expected s3://BUCKET/PREFIX, a bucket of 3 to 63 small letters, got {address}"
            )
        prefix = (found["prefix"] or "").strip("/")
        return cls(found["bucket"], f"{prefix}/" if prefix else "")

    @property
    def uri(self) -> str:
        """The address, with its last slash."""
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def name(self) -> str:
        """The last folder's name; may be empty."""
        return self.prefix.rstrip("/").rpartition("/")[2]

    @property
    def runs(self) -> str:
        """The prefix of the run files for this folder, without a last slash."""
        return f"{self.prefix}_runs"

    def require_outside(self, inputs: Folder) -> None:
        """Refuse to write results where the next run would take them for inputs."""
        written = (f"{self.prefix}{inputs.prefix}", f"{self.runs}/")
        inside = any(prefix.startswith(inputs.prefix) for prefix in written)
        if self.bucket == inputs.bucket and inside:
            raise AddressError(f"expected results outside {inputs.uri}, got {self.uri}")
