"""What a live object is shown of samples: instances, as the library that made it takes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.bake.columns import listed
from model.bake.errors import BakeError, require_file
from model.bake.samples import Sample
from model.bake.tables import rows_in


def instances_of(samples: Any, model: Any) -> Any:
    """Return samples without their files and answers; rows become a DataFrame if it knows names.

    Args:
        samples: as `bake` takes them; a file with an answer (FILE=ANSWER) stays as it is.
        model: the live object; scikit-learn's may have feature_names_in_.

    Raises:
        BakeError: a table cannot be read, or lacks columns of the model; or these are no samples.
    """
    names = list(map(str, getattr(model, "feature_names_in_", ())))
    if isinstance(samples, str | Path):
        samples = [samples]
    if samples is not None and not hasattr(samples, "__len__"):
        kind = type(samples).__name__
        raise BakeError(f"--sample: expected a list, an array or a DataFrame, got {kind}")
    if isinstance(samples, list | tuple):
        samples = _framed([one for given in samples for one in _instances_in(given)], names)
    if hasattr(samples, "columns"):
        missing = [name for name in names if name not in set(map(str, samples.columns))]
        if missing:
            raise BakeError(
                f"--sample: lacks the columns {listed(missing)}; it has "
                f"{listed([str(one) for one in samples.columns])}",
                f"Give the rows that the model was fitted on: {listed(names)}",
            )
    return samples


def only_read(samples: Sequence[Sample], names: Collection[str]) -> list[Sample]:
    """Leave the columns out that a live model was fitted on and does not read.

    Args:
        samples: those of a live model.
        names: the columns that it reads; none: not known.
    """
    return [
        replace(one, instance={key: value for key, value in one.instance.items() if key in names})
        if names and isinstance(one.instance, Mapping)
        else one
        for one in samples
    ]


def _instances_in(given: Any) -> list[Any]:
    instance = given.instance if isinstance(given, Sample) else given
    if isinstance(instance, str | Path) and Path(instance).suffix in (".csv", ".tsv"):
        return list(rows_in(require_file("--sample", Path(instance))))
    return [instance]


def _framed(instances: list[Any], names: Sequence[str]) -> Any:
    """Return rows by name, and lists of a model that knows names, as a DataFrame."""
    by_name = instances and all(isinstance(one, Mapping) for one in instances)
    lists = names and all(isinstance(one, list) and len(one) == len(names) for one in instances)
    if not by_name and not lists:
        return instances
    import pandas as pd

    return pd.DataFrame(instances, columns=None if by_name else names)
