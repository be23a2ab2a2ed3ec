"""The digest of the image that a function's URI stood for when it was set; moto invents one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.ecr.models import ecr_backends

from infra.cloud.replaced import replaced

_set = LambdaFunction._set_function_code
_told = LambdaFunction.get_code


def images_resolved() -> AbstractContextManager[None]:
    """Resolve and report these digests while the block runs."""
    return replaced(
        (LambdaFunction, "_set_function_code", _set_code),
        (LambdaFunction, "get_code", _code),
    )


def _set_code(self: Any, spec: dict[str, Any]) -> None:
    _set(self, spec)
    if "ImageUri" not in spec or spec.get("DryRun"):
        return
    repository, tag, digest = _parts_of(spec["ImageUri"])
    digest = digest or _digest_of(self, repository.partition("/")[2], tag)
    if digest:  # moto accepts images that do not exist: their digest stays invented
        self.code_sha_256 = digest.removeprefix("sha256:")


def _code(self: Any) -> dict[str, Any]:
    """Source: AWS Lambda API, FunctionCodeLocation: ResolvedImageUri."""
    told: dict[str, Any] = _told(self)
    code = told.get("Code") or {}
    if "ImageUri" in code:
        repository, _, _ = _parts_of(code["ImageUri"])
        code["ResolvedImageUri"] = f"{repository}@sha256:{self.code_sha_256}"
    return told


def _parts_of(uri: str) -> tuple[str, str, str]:
    """Split a URI into repository, tag and digest."""
    named, _, digest = uri.partition("@")
    host, slash, path = named.partition("/")
    name, _, tag = path.partition(":")
    return f"{host}{slash}{name}", tag or "latest", digest


def _digest_of(function: Any, repository: str, tag: str) -> str:
    known = ecr_backends[function.account_id][function.region].repositories.get(repository)
    images = known.images if known else []
    return next((image.get_image_digest() for image in images if tag in image.image_tags), "")
