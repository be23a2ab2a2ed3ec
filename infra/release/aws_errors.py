"""Errors of AWS and its client, each with its remedy."""

from __future__ import annotations

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

LOG_IN = "aws configure, or aws sso login, or export AWS_PROFILE=…"

_EXPIRED = f"log in again: {LOG_IN}"
_SIGNED = "is this machine's clock right, and the secret key?"
_GRANTED = "who administers the account can grant it"
_BY_CODE = {
    "AccessDenied": _GRANTED,
    "AccessDeniedException": _GRANTED,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "InvalidClientTokenId": LOG_IN,
    "InvalidSignatureException": _SIGNED,
    "RequestTimeTooSkewed": _SIGNED,
    "SignatureDoesNotMatch": _SIGNED,
    "UnrecognizedClientException": LOG_IN,
}
_NO_CREDENTIALS = (
    exceptions.CredentialRetrievalError,
    exceptions.LoginError,
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.ProfileNotFound,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
)
_NO_ANSWER = (exceptions.ConnectionError, exceptions.HTTPClientError)


def explained(error: BotoCoreError | ClientError) -> str:
    """Return an error as one line, with its remedy if known."""
    said = " ".join(str(error).split())
    remedy = remedy_of(error)
    return f"{said.rstrip('.')}: {remedy}" if remedy else said


def remedy_of(error: BotoCoreError | ClientError) -> str | None:
    """Return the remedy for an error; None if it is not known."""
    if isinstance(error, ClientError):
        return _BY_CODE.get(code_of(error))
    if isinstance(error, exceptions.NoRegionError):
        return "export AWS_REGION=eu-central-1, or region in function.yaml"
    if isinstance(error, _NO_CREDENTIALS):
        return LOG_IN
    if isinstance(error, _NO_ANSWER):
        return "is there a network, and does the region exist?"
    return None


def code_of(error: ClientError) -> str:
    """Return AWS's own name for an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
