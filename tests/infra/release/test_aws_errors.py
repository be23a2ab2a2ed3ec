"""What AWS says, as one line with its remedy."""

from __future__ import annotations

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from infra.release.aws_errors import LOG_IN, explained


def refused(code: str) -> ClientError:
    """An answer of AWS's."""
    return ClientError({"Error": {"Code": code, "Message": "no\n  way"}}, "GetAlias")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ExpiredToken", f": log in again: {LOG_IN}"),
        ("ExpiredTokenException", f": log in again: {LOG_IN}"),
        ("InvalidClientTokenId", f": {LOG_IN}"),
        ("UnrecognizedClientException", f": {LOG_IN}"),
        ("AccessDenied", ": who administers the account can grant it"),
        ("AccessDeniedException", ": who administers the account can grant it"),
        ("SignatureDoesNotMatch", ": is this machine's clock right, and the secret key?"),
        ("InvalidSignatureException", ": is this machine's clock right, and the secret key?"),
        ("RequestTimeTooSkewed", ": is this machine's clock right, and the secret key?"),
        ("ServiceException", ""),
    ],
)
def test_what_aws_says(code: str, remedy: str) -> None:
    """One line, whatever AWS's message looks like."""
    assert explained(refused(code)) == (
        f"An error occurred ({code}) when calling the GetAlias operation: no way{remedy}"
    )


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (exceptions.NoRegionError(),
         ": export AWS_REGION=eu-central-1, or region in function.yaml"),
        (exceptions.NoCredentialsError(), f": {LOG_IN}"),
        (exceptions.ProfileNotFound(profile="p"), f": {LOG_IN}"),
        (exceptions.UnauthorizedSSOTokenError(), f": {LOG_IN}"),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="no"), f": {LOG_IN}"),
        (exceptions.EndpointConnectionError(endpoint_url="https://sts.nowhere-1.amazonaws.com"),
         ": is there a network, and does the region exist?"),
        (exceptions.ReadTimeoutError(endpoint_url="https://sts.amazonaws.com"),
         ": is there a network, and does the region exist?"),
        (exceptions.DataNotFoundError(data_path="x"), ""),
    ],
)  # fmt: skip
def test_what_its_client_says(error: BotoCoreError, remedy: str) -> None:
    """Credentials that are not there, and no answer; a remedy goes on where a full stop was."""
    said = str(error)
    assert explained(error) == (f"{said.rstrip('.')}{remedy}" if remedy else said)
