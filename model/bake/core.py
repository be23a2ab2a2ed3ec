"""Bake a model: read, infer, try, prove, write, load as the function would."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from model.bake import scaling
from model.bake.answers import Answering, answering
from model.bake.custom import Custom, is_named, read_custom
from model.bake.draft import Draft, document_of
from model.bake.errors import BakeError, Question, asking_all
from model.bake.graph import read_graph
from model.bake.infer import Facts, Guess, Taken, taken_by
from model.bake.live import only_read
from model.bake.place import Place, require_same
from model.bake.proof import prove
from model.bake.report import Report, size_text
from model.bake.runtime import Runtime, stated
from model.bake.samples import Sample, require_names, samples_in
from model.bake.seeded import FREE_SIZES, seeded_instances
from model.bake.sources.base import Original
from model.bake.tables import ranges_of
from model.bake.trial import Tried, feeds_of, try_model
from model.bake.wishes import Wishes
from model.bundle.manifest import Manifest
from model.errors import EngineError
from model.recipes.base import Column, Recipe
from model.tasks.base import Answer

_ENDS: Final = {"Softmax": ", softmax inside", "Sigmoid": ", sigmoid inside"}
_ANY_SCALING: Final = {"scale": 1 / 255, "shift": 0.0}
"""Until the scaling is settled: shapes, batches and sums do not depend on it."""


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What is baked, and what came with it.

    Attributes:
        original: the model, opened by its source.
        sha256, size: of the file that was brought; empty and 0: a live object.
        samples, answers: as `bake` takes them.
        columns: as --columns or a DataFrame states them.
        replaces: whether another file's bundle under this version may be written over.
    """

    original: Original
    sha256: str = ""
    size: int = 0
    samples: Any = None
    answers: Any = None
    columns: tuple[Column, ...] = ()
    replaces: bool = False


@dataclass(kw_only=True)
class Understood:
    """A model that was read, tried and understood: all that its bundle needs."""

    draft: Draft
    taken: Taken
    answering: Answering
    tried: Tried
    samples: list[Sample]
    seeded: bool
    artefact: Mapping[str, Any]
    guesses: list[Guess]
    ask: Callable[[Mapping[str, Any], Sequence[Sample]], list[Answer]]

    def document(self, wishes: Wishes) -> dict[str, Any]:
        """Return the manifest."""
        return document_of(
            wishes, self.artefact, self.taken, self.answering, self.tried.outputs,
            batch=self.tried.batch,
        )  # fmt: skip


class Baking:
    """One model on its way to a bundle."""

    def __init__(self, brought: Brought, wishes: Wishes, place: Place, report: Report) -> None:
        self._brought = brought
        self._wishes = wishes
        self._place = place
        self._report = report

    def understand(self, work: Path) -> Understood:
        """Read the model, try it, and infer what its manifest needs.

        Args:
            work: an empty folder.

        Raises:
            BakeError: it cannot be baked; says why, and what to do.
            ArtefactError: what was inferred makes no manifest.
        """
        wishes = self._wishes
        facts, onnx = self._read(work)
        draft = Draft(work / "draft" / wishes.name, onnx)
        if not self._brought.replaces:
            require_same(self._place.folder, (self._brought.sha256, draft.sha256), wishes.version)
        custom = read_custom(wishes.recipe, draft.folder)
        if facts.hints.tokenizer:
            shutil.copy(facts.hints.tokenizer, draft.folder)
        named = wishes.recipe if is_named(wishes.recipe) else ""
        taken = taken_by(facts, prepared=bool(named or (custom and custom.prepares)))
        taken = custom.taken(taken) if custom else taken
        taken = replace(taken, settings={"recipe": named}) if named else taken
        wishes.require_pictures(taken.takes)
        samples = self._samples(facts, taken, custom)
        questions = [*taken.questions, *scaling.asked(taken, wishes.pixels, samples)]
        try:
            samples, seeded, tried = self._try(facts, draft, taken, custom, samples)
            own = custom.answering() if custom and custom.answers else None
            answered = own or answering(facts, tried.runs)
            answered.require_labels([] if seeded else samples)
        except BakeError as exc:
            # What is assumed while something is asked may be what fails.
            questions += [exc] if isinstance(exc, Question) else []
            raise asking_all(questions) if questions else exc from exc.__cause__
        if questions:
            raise asking_all(questions)
        artefact = self._artefact(draft, tried)
        guesses = [*taken.guesses, *answered.guesses]
        ask = self._asker(facts.runtime, draft, taken, answered, tried)
        if "picture" in taken.settings:
            taken, guess = scaling.settled(taken, wishes.pixels, [] if seeded else samples, ask)
            guesses.insert(1, guess)
        self._report.step("batch", tried.said)
        return Understood(
            draft=draft, taken=taken, answering=answered, tried=tried, samples=samples,
            seeded=seeded, artefact=artefact, guesses=guesses, ask=ask,
        )  # fmt: skip

    def _read(self, work: Path) -> tuple[Facts, Path]:
        original, report = self._brought.original, self._report
        graph, onnx = read_graph(original.onnx, work)
        with report.waiting("opening it in ONNX Runtime"):
            runtime = Runtime(onnx, graph, deadline_s=self._wishes.deadline_s)
        only = runtime.outputs[0].name if len(runtime.outputs) == 1 else ""
        size = f", {size_text(self._brought.size)}" if self._brought.size else ""
        report.step(
            "read",
            f"{original.summary}{size}: {stated(runtime.inputs)} -> {stated(runtime.outputs)}"
            f"{_ENDS.get(graph.last.get(only, ''), '')}",
        )
        if onnx != original.onnx:
            report.step("inlined", f"its weights: one file of {size_text(onnx.stat().st_size)}")
        if runtime.dropped:
            report.step(
                "left out", f"the outputs {', '.join(runtime.dropped)}: they are no tensors"
            )
        for note in original.hints.notes:
            report.step("note", note)
        columns = self._brought.columns
        if not self._brought.sha256:  # a live model, which may read only some of a DataFrame
            read = {one.name for one in original.hints.columns}
            columns = tuple(one for one in columns if one.name in read) or columns
        facts = Facts(runtime=runtime, graph=graph, hints=original.hints, wishes=self._wishes,
                      columns=columns,
                      measured=ranges_of(self._brought.samples))  # fmt: skip
        return facts, onnx

    def _samples(self, facts: Facts, taken: Taken, custom: Custom | None) -> list[Sample]:
        given = self._brought.samples
        given = list(facts.hints.samples) or None if given is None else given
        samples = samples_in(given, self._brought.answers, taken.takes, taken.inputs)
        if not self._brought.sha256:
            samples = only_read(samples, {one.name for one in facts.hints.columns})
        if custom:
            custom.require_samples(samples)
        if rows := taken.settings.get("rows"):
            sure = all(one.sure for one in taken.guesses if one.what == "columns")
            require_names(samples, rows["columns"], sure=sure)
        return samples

    def _try(
        self, facts: Facts, draft: Draft, taken: Taken, custom: Custom | None, samples: list[Sample]
    ) -> tuple[list[Sample], bool, Tried]:
        """Run the model on the samples, and on seeded instances as far as it takes them."""
        runtime = facts.runtime
        recipe = self._sketch(draft, taken, None, runtime.outputs).recipe
        prepares = custom is not None and custom.prepares
        with self._report.waiting("trying it"):
            if not samples:
                seeded, tried = _try_seeded(runtime, recipe, taken)
                return seeded, True, tried
            seeded = [] if prepares else seeded_instances(recipe.describe(), runtime)
            real = try_model(runtime, recipe, samples, taken, seeded=False)
            try:
                both = try_model(runtime, recipe, [*samples, *seeded], taken, seeded=False)
            except BakeError:  # made-up inputs may be impossible ones
                return samples, False, real
        return samples, False, both

    def _artefact(self, draft: Draft, tried: Tried) -> dict[str, Any]:
        """Prove the conversion, and write the table [artefact]."""
        original = self._brought.original
        artefact: dict[str, Any] = {"file": draft.artefact.name, "sha256": draft.sha256}
        if original.run is None:
            return artefact
        with self._report.waiting(f"comparing it with {original.summary}"):
            difference = prove(original, tried.feeds, tried.runs)
        told = f"{difference:.1g} from the original's at most" if difference else "the same numbers"
        size = size_text(draft.artefact.stat().st_size)
        self._report.step("converted", f"to ONNX, {size}; on {len(tried.feeds)} inputs {told}")
        made_from = {"format": original.format, "sha256": self._brought.sha256}
        made_from = {key: value for key, value in made_from.items() if value}
        return {**artefact, "made_from": {**made_from, "difference": float(f"{difference:.1g}")}}

    def _sketch(
        self, draft: Draft, taken: Taken, answered: Answering | None, outputs: Any
    ) -> Manifest:
        """Read a manifest of what is known so far, for its recipe and its task."""
        settings = dict(taken.settings)
        if "picture" in settings:
            settings["picture"] = _ANY_SCALING | settings["picture"]
        if answered is None:
            answered = Answering(task="tensors", settings={}, guesses=())
            if settings.get("recipe") != "custom":
                settings.pop("custom", None)  # for the answer only, which is not known yet
        draft.write_labels(answered.labels)
        artefact = {"file": draft.artefact.name, "sha256": draft.sha256}
        taken = replace(taken, settings=settings)
        return draft.write(
            document_of(self._wishes, artefact, taken, answered, tuple(outputs), batch=None)
        )

    def _asker(
        self, runtime: Runtime, draft: Draft, taken: Taken, answered: Answering, tried: Tried
    ) -> Callable[[Mapping[str, Any], Sequence[Sample]], list[Answer]]:
        """Return what asks the model with other settings of [picture]."""

        def ask(picture: Mapping[str, Any], samples: Sequence[Sample]) -> list[Answer]:
            changed = replace(taken, settings={**taken.settings, "picture": picture})
            sketch = self._sketch(draft, changed, answered, tried.outputs)
            answers = []
            for sample in samples:
                outputs = runtime.run(feeds_of(sketch.recipe, sample, taken.inputs))
                try:
                    answers += sketch.task.answers(outputs, 1)
                except EngineError:  # NaN and the like: a scaling that cannot be
                    answers.append({})
            return answers

        return ask


def _try_seeded(runtime: Runtime, recipe: Recipe, taken: Taken) -> tuple[list[Sample], Tried]:
    """Run the model on made-up instances, longer ones if it has free axes and fails on short ones.

    Raises:
        BakeError: it fails on all of them; says why on the shortest.
    """
    free = any(size < 0 for one in taken.inputs for size in one.shape[1 if one.has_batch else 0 :])
    failed: list[BakeError] = []
    for size in FREE_SIZES if free and taken.takes == "tensors" else FREE_SIZES[:1]:
        seeded = seeded_instances(recipe.describe(), runtime, size)
        try:
            return seeded, try_model(runtime, recipe, seeded, taken, seeded=True)
        except BakeError as exc:
            failed.append(exc)
    raise failed[0]
