"""`bake`: what `lambake bake` runs, and what a notebook or a training script calls."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace as changed
from pathlib import Path
from typing import Any, Final

from model.bake.core import Baking, Brought
from model.bake.draft import sha256_of
from model.bake.errors import BakeError, as_keywords, require_file
from model.bake.finish import write_bundle
from model.bake.live import instances_of
from model.bake.pixels import settings_like
from model.bake.place import name_from, place_of
from model.bake.report import Report
from model.bake.runtime import DEADLINE_S
from model.bake.sources import open_file, open_object
from model.bake.sources.base import Say
from model.bake.tables import columns_in, records_of, rows_in
from model.bake.wishes import Wishes, labels_in, size_in
from model.errors import ModelError
from model.recipes.base import Column

ZOO: Final = Path(__file__).parents[1] / "zoo"


def bake(
    model: Any,
    *,
    name: str = "",
    version: str | int = "1",
    samples: Any = None,
    answers: Sequence[Any] | None = None,
    labels: str | Path | Sequence[Any] | Mapping[Any, Any] | None = None,
    columns: str | Path | Sequence[str | Column] | None = None,
    pixels: str = "",
    like: str | Path | None = None,
    size: str | tuple[int, int] | None = None,
    fit: str = "",
    colours: str = "",
    takes: str = "",
    task: str = "",
    recipe: str | Path | None = None,
    licence: str = "",
    description: str = "",
    training: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    reference: str | Path | None = None,
    deadline: float = DEADLINE_S,
    folder: str | Path = ZOO,
    replace: bool = False,
    say: Say | None = None,
) -> Path:
    """Bake a model into a bundle of the zoo.

    Args:
        model: a file or folder, or a live object: a fitted scikit-learn, XGBoost or LightGBM model,
            a Keras model.
        name: of the model; of a file, its own name if none is given.
        version: of the bundle; several versions live side by side.
        samples: real instances: files, "face.png=happy" with the answer that must come; arrays,
            rows, a DataFrame, texts, pictures, or arrays by input name.
        answers: what samples that are not files must be answered with.
        labels: of the classes, in the order of the scores; or a file with them.
        columns: a row's columns, in order: names, or Column objects with unit and range; or a CSV
            file: names, types and ranges.
        pixels: how float pixels are scaled: 0..1, -1..1, 0..255, imagenet or caffe.
        like: a preprocessor_config.json that says how pixels are scaled.
        size: height and width of the pictures, if the model leaves them free: "224x224".
        fit: how a picture is brought to that size: stretch, crop or letterbox.
        colours: rgb or bgr.
        takes: image, row, text or tensors, if it was inferred wrongly.
        task: classify, regress, embed or tensors, if it was inferred wrongly.
        recipe: a recipe.py with prepare, answer or both; or the name of one of model/recipes.
        licence, description, training, metrics: notes.
        reference: a CSV file with the data that the model learnt from, to watch drift against.
        deadline: the most seconds that one run may take.
        folder: the zoo.
        replace: write over another model's bundle of this version; what was edited stays.
        say: takes what is told, a line at a time; None: it is printed, and flags are written as
            keywords, in errors, too.

    Returns:
        The bundle's folder.

    Raises:
        BakeError: the model cannot be baked; says why, and what to do.
    """
    with _told(say) as told:
        wishes = Wishes(
            name=name or _name_of(model),
            version=str(version),
            labels=labels_in(labels) if labels is not None and len(labels) else (),  # type: ignore[arg-type]
            task=task,
            takes=takes,
            pixels=pixels,
            picture=_picture_of(like, size, fit, colours),
            recipe=str(recipe or ""),
            licence=licence,
            description=description,
            training=training or {},
            metrics=metrics or {},
            reference=Path(reference) if reference else None,
            deadline_s=deadline,
        )
        is_live = not isinstance(model, str | Path)
        shown = instances_of(samples, model) if is_live else samples
        came = {"samples": samples, "answers": answers, "columns": _columns_of(columns, shown),
                "replaces": replace}  # fmt: skip
        return _bake((model, shown), came, wishes, Path(folder), Report(told))


@contextmanager
def _told(say: Say | None) -> Iterator[Say]:
    """Yield what tells; where nobody listens, print, and write flags as keywords."""
    if say is not None:
        yield say
        return
    try:
        yield lambda line: print(as_keywords(line), flush=True)
    except BakeError as exc:
        raise BakeError(as_keywords(exc.what), as_keywords(exc.do)) from exc.__cause__


def _bake(
    given: tuple[Any, Any], came: Mapping[str, Any], wishes: Wishes, zoo: Path, report: Report
) -> Path:
    """Bake a model, which is given with the samples as it takes them."""
    place = place_of(zoo, wishes.name, wishes.version)
    with tempfile.TemporaryDirectory(prefix="lambake-") as temporary:
        work = Path(temporary)
        (work / "source").mkdir()
        brought = Brought(**_brought(*given, work / "source", report), **came)
        hints = brought.original.hints
        wishes = changed(
            wishes,
            licence=wishes.licence or hints.licence,
            description=wishes.description or hints.description,
        )
        try:
            found = Baking(brought, wishes, place, report).understand(work)
            report.guesses(found.guesses)
            return write_bundle(found, wishes, place, report)
        except ModelError as exc:
            # The draft's folder is gone when this is read: say where the bundle would be.
            raise BakeError(str(exc).replace(str(work / "draft"), str(zoo))) from exc
        except OSError as exc:  # a zoo that may not be written, a full disk
            raise BakeError(f"{exc.filename or zoo}: {exc.strerror or exc}") from exc


def _picture_of(
    like: str | Path | None, size: str | tuple[int, int] | None, fit: str, colours: str
) -> dict[str, Any]:
    """Return the keys of [picture] that are wished."""
    picture: dict[str, Any] = settings_like(Path(like)) if like else {}
    sides = size_in(size) if isinstance(size, str) and size else size
    given = {"size": sides, "fit": fit, "colours": colours}
    return picture | {key: value for key, value in given.items() if value}


def _brought(model: Any, samples: Any, work: Path, report: Report) -> dict[str, Any]:
    """Open a file or an object."""
    if not isinstance(model, str | Path):
        return {"original": open_object(model, samples, work, report.progress)}
    path = Path(model)
    original = open_file(path, work, report.progress)
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    size = sum(one.stat().st_size for one in files)
    return {"original": original, "sha256": sha256_of(path), "size": size}


def _name_of(model: Any) -> str:
    if not isinstance(model, str | Path):
        raise BakeError("a live object has no name", "Give it one: name='churn'")
    path = Path(model).resolve()
    generic = path.stem.lower() in ("model", "saved_model", "pipeline", "network")
    return name_from(path.parent.name if generic else path.stem if path.is_file() else path.name)


def _columns_of(columns: Any, samples: Any) -> tuple[Column, ...]:
    """Return the columns as they are given, or as a DataFrame of samples has them."""
    if columns is None or (isinstance(columns, str) and not columns):
        records = records_of(samples)
        return columns_in(records) if records else ()
    if isinstance(columns, str | Path):
        if Path(columns).exists() or str(columns).endswith(".csv"):
            return columns_in(rows_in(require_file("--columns", Path(columns))))
        columns = str(columns).split(",")
    found = [one if isinstance(one, Column) else Column(str(one).strip()) for one in columns]
    empty = [place for place, one in enumerate(found, 1) if not one.name]
    if empty:
        raise BakeError(f"--columns: the name at {empty[0]} is empty")
    return tuple(found)
