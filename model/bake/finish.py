"""Write a bundle that is understood, load it as the function would, and tell how to ask it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from model.bake import scaling
from model.bake.core import Understood
from model.bake.edits import merged
from model.bake.place import Place
from model.bake.report import Report
from model.bake.tables import write_drift
from model.bake.vectors import brief, require_answers, write_vectors
from model.bake.weigh import warnings_of, weigh
from model.bake.wishes import Wishes
from model.errors import counted

URL: Final = "http://127.0.0.1:8080"


def write_bundle(found: Understood, wishes: Wishes, place: Place, report: Report) -> Path:
    """Write the bundle into the zoo, when it has answered as it must.

    Returns:
        Its folder.

    Raises:
        BakeError: it does not answer as expected, or does not load.
        ModelError: what a person edited in the manifest no longer fits.
    """
    draft = found.draft
    document = found.document(wishes)
    edited = draft.write_labels(found.answering.labels, place.folder)
    whole, kept = merged(place.folder, document)
    draft.write(whole)
    quantised = any(one.dtype in ("uint8", "int8") for one in found.tried.outputs)
    answers, post = write_vectors(
        draft.folder, found.samples, found.taken.takes, seeded=found.seeded, quantised=quantised
    )
    right = require_answers(found.samples, answers, lambda: _hint(found))
    if wishes.reference:
        write_drift(draft.folder, wishes.reference)
    draft.record(document)
    with report.waiting("loading it as the function does"):
        weight = weigh(draft.folder)
    moved = place.make_room()
    changed = draft.publish(place.folder)
    folder = place.folder
    if moved:
        report.step("moved", moved)
    if kept or edited:
        names = [*kept, *(["labels.txt"] if edited else [])]
        report.step("kept", f"what was edited: {', '.join(names)}")
    _tell_vectors(found, len(answers), right, report)
    files = sorted(path.name for path in draft.folder.iterdir() if not path.name.startswith("."))
    report.step(
        "written", f"{_short(folder)}: {', '.join(files) if changed else 'nothing changed'}"
    )
    report.step(
        "loads",
        f"in {weight.load_s:.1f} s with {weight.memory_mb:,.0f} MB; answers in "
        f"{weight.answer_ms:,.1f} ms; {counted(weight.vectors, 'golden vector')} checked",
    )
    report.step("answers", brief(answers[0]))
    sizes = (sum(p.stat().st_size for p in draft.folder.rglob("*") if p.is_file()),
             post.stat().st_size, len(json.dumps(answers[0])))  # fmt: skip
    for warning in warnings_of(weight, *sizes):
        report.step("too large", warning)
    report.step("then", f"make run\n{_curl(wishes, folder / post.relative_to(draft.folder))}")
    return folder


def _hint(found: Understood) -> str:
    """Say what may be wrong where an expected answer did not come."""
    if "picture" not in found.taken.settings:
        return "Look at the labels, their order, and the columns' order."
    table = scaling.tried(found.taken.settings["picture"], found.samples, found.ask)
    return f"Look at the pixels, the labels and their order.\n{table}".rstrip()


def _tell_vectors(found: Understood, count: int, right: int, report: Report) -> None:
    if found.seeded:
        report.step(
            "golden",
            f"{counted(count, 'made-up input')} to compare versions with, which proves nothing: "
            "show it real ones, --sample FILE=ANSWER",
        )
    else:
        known = (
            f", {right} answered as expected"
            if right
            else ", and no answer to hold them against (--sample FILE=ANSWER)"
        )
        report.step("golden", f"{counted(count, 'sample')}{known}")


def _curl(wishes: Wishes, post: Path) -> str:
    path = f"{URL}/models/{wishes.name}/predict"
    if post.suffix == ".json":
        return f"curl -H 'content-type: application/json' -d @{_short(post)} {path}"
    return f"curl -F file=@{_short(post)} {path}"


def _short(path: Path) -> str:
    """Write a path as one would type it here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
