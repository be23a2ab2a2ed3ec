"""Look for secrets in an image, with detect-secrets: in our files, and in the metadata."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

from infra.image.contents import Contents
from infra.image.packages import owners, packages_of

# Those that know a secret by its form, and by a telling name. None that guess by entropy, which
# hashes have too.
_PLUGINS = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TwilioKeyDetector",
)
_BINARY = (".so", ".pyc", ".png", ".onnx", ".tflite", ".keras")
# Without verification, which would ask the services whether a secret works.
_FILTERS = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_templated_secret",
)


def found_secrets(contents: Contents) -> list[str]:
    """
    Give where secrets were found, never the secrets.

    A package's file is not looked at: it is the public one, as its hash says.
    """
    public = owners(packages_of(contents))
    with tempfile.TemporaryDirectory(prefix="lambake-secrets-") as folder:
        root = Path(folder)
        for entry in contents.ours():
            if entry.is_file and entry.path not in public and not entry.path.endswith(_BINARY):
                _write(root / entry.path, contents.read(entry.path))
        metadata = {key: contents.config.get(key) for key in ("config", "history")}
        _write(root / "image-metadata.json", json.dumps(metadata, indent=1).encode())
        return _scanned(root)


def _scanned(root: Path) -> list[str]:
    settings = {
        "plugins_used": [{"name": name} for name in _PLUGINS],
        "filters_used": [{"path": path} for path in _FILTERS],
    }
    secrets = SecretsCollection()
    with transient_settings(settings):
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            secrets.scan_file(str(path))
    return [
        f"/{Path(name).relative_to(root).as_posix()}:{secret.line_number}: {secret.type}"
        for name, secret in secrets
    ]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
