"""The errors before and around a bulk run. What fails inside it is its result.

BulkError
├── AddressError     not s3://bucket/prefix, or the results would be among the inputs
├── MissingError     no credentials, region, bucket, object, state machine: says what to do
└── CloudError       a service refused or did not answer
"""

from __future__ import annotations

from infra.settings.errors import InfraError


class BulkError(InfraError):
    """The root of the errors of bulk runs."""


class AddressError(BulkError):
    """An address is wrong."""


class MissingError(BulkError):
    """Something is missing; says where to get it."""


class CloudError(BulkError):
    """A service refused something."""
