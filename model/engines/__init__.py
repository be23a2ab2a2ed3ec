"""One file per engine, imported only when a manifest names it; the folder is the list."""

from __future__ import annotations

from pathlib import Path

from model import tenants
from model.bundle.manifest import Manifest
from model.engines.base import Engine, InBatches
from model.errors import ArtefactError


def open_engine(manifest: Manifest, content: bytes) -> Engine:
    """Load a model file with the engine that its manifest names.

    Args:
        manifest: names the engine, the file and the tensors.
        content: the file's bytes; their hash is already checked.

    Raises:
        ArtefactError: the engine is not installed, cannot read the file, or finds tensors other
            than the manifest states.
    """
    try:
        module = tenants.tenant(__name__, manifest.engine)
    except ImportError as exc:
        raise ArtefactError(
            manifest.artefact,
            expected=f"the engine {manifest.engine}",
            got=f"none installed: {exc}",
        ) from exc
    engine: Engine = module.load(manifest, content)
    return InBatches(engine, manifest.batch) if manifest.batch else engine


def unreadable(path: Path, engine: str, exc: Exception) -> ArtefactError:
    """Return the error for a model file that an engine cannot read."""
    reason = (str(exc).strip() or type(exc).__name__).splitlines()[0]
    return ArtefactError(path, expected=f"a model that {engine} reads", got=reason)
