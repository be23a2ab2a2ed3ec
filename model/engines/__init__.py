"""One file per engine, imported only when a manifest names it; the folder is the list."""

from __future__ import annotations

from model import tenants
from model.bundle.manifest import Manifest
from model.engines.base import Engine, InBatches
from model.errors import ArtefactError


def open_engine(manifest: Manifest) -> Engine:
    """Load a model file with the engine that its manifest names.

    Args:
        manifest: names the engine, the file and the tensors; the file's hash is already checked.

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
    engine: Engine = module.load(manifest)
    if not manifest.batch:
        return engine
    exact = getattr(engine, "exact_batch", False)
    return InBatches(engine, manifest.batch, manifest.inputs, exact=exact)
