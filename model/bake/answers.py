"""What a model answers, by its outputs for a few inputs: labels, values, embeddings or tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.errors import BakeError, Question
from model.bake.infer import Facts, Guess
from model.bake.runtime import Arrays, stated
from model.bake.samples import Sample
from model.tensors import Tensor

SUM_TOLERANCE: Final = 1e-3
INLINE_LABELS: Final = 20
"""More labels than this are written to a file beside the manifest."""

LABELS_FILE: Final = "labels.txt"
_WHOLE: Final = ("int64", "int32", "string")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """How outputs become answers: the manifest's task, and its table [answer]."""

    task: str
    settings: Mapping[str, Any]
    guesses: tuple[Guess, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, wherever they will be written."""
        return tuple(self.settings.get("labels", ()))

    def require_labels(self, samples: Sequence[Sample]) -> None:
        """Refuse a sample whose answer is none of the labels.

        Raises:
            BakeError: names both.
        """
        for one in samples if self.task == "classify" and self.labels else ():
            wished = [one.answer] if one.answer is not None else []
            if self.settings.get("many"):
                wished = [part for text in wished for part in map(str.strip, text.split("+"))]
            for label in filter(None, wished):
                if label not in self.labels:
                    raise BakeError(
                        f"{one.name}: expected the answer {label}, and the labels are "
                        f"{_listed(self.labels)}",
                        "Say the labels, in the order of the scores: --labels a,b,c or FILE",
                    )


def answering(facts: Facts, runs: Sequence[Arrays]) -> Answering:
    """Infer how outputs become answers.

    Args:
        facts: what is known of the model.
        runs: the outputs for one instance each, three at least.

    Raises:
        BakeError: it cannot be told without a flag, or a flag does not fit the outputs.
    """
    wished = facts.wishes.task or facts.hints.task
    outputs = facts.runtime.outputs
    if wished == "tensors":
        return _tensors("given")
    if wished == "embed":
        return _embed(facts)
    if wished in ("", "classify") and (label := _only_label(facts, runs)):
        return _classify_label(facts, label)
    if wished in ("", "regress") and (numbers := _several_numbers(outputs, runs)):
        return _regress(numbers, "several numbers")
    scores = _scores(outputs, runs)
    if scores is None:
        if wished:
            raise BakeError(
                f"--task {wished}: expected one output with a list of numbers an instance, "
                f"got {stated(outputs)}",
                "--task tensors answers with all of them; a recipe.py makes of them what you like.",
            )
        return _tensors("no single output of scores or numbers")
    output, values = scores
    if not wished and output.dtype in _WHOLE and values.shape[1] > 1:
        return _tensors("whole numbers, several an instance")
    if wished == "regress" or (not wished and _is_number(facts, output, values)):
        return _regress([output], _why_regress(wished, values), facts.wishes.labels)
    return _classify(facts, output, values, wished)


def _only_label(facts: Facts, runs: Sequence[Arrays]) -> Tensor | None:
    """Return the label of a classifier that gives no probabilities beside it.

    Beside the label of a support vector machine, of clusters or of an outlier stand distances.
    """
    outputs = facts.runtime.outputs
    labels = [one for one in outputs if _is_label(one, runs)]
    if len(labels) != 1 or len(outputs) > 2:
        return None
    label = labels[0]
    if len(outputs) == 2:
        scores = _scores(outputs, runs)
        return label if scores is None or not _are_shares(scores[1]) else None
    last = facts.graph.last.get(label.name, "")
    picks = last.startswith(("ArgM", "ArrayFeature", "LabelEncoder")) or "Classifier" in last
    return label if label.dtype == "string" or picks else None


def _are_shares(values: NDArray[Any]) -> bool:
    """Whether scores [runs, C] are probabilities of one label, or their logarithms."""
    if values.shape[1] == 1 or values.dtype.kind not in "fiu":
        return False
    shares = np.exp(values) if (values <= 0).all() else values
    return bool((shares >= -1e-6).all() and np.abs(shares.sum(axis=1) - 1).max() <= SUM_TOLERANCE)


def _classify_label(facts: Facts, output: Tensor) -> Answering:
    """Answer with the label alone; where it is a number, the labels given name it."""
    labels = facts.wishes.labels or facts.hints.labels
    settings = {"output": output.name, **({"labels": list(labels)} if labels else {})}
    told = Guess("task", "classify", "its output is a label, without probabilities",
                 "--task tensors")  # fmt: skip
    return Answering(task="classify", settings=settings, guesses=(told,))


def _several_numbers(outputs: Sequence[Tensor], runs: Sequence[Arrays]) -> list[Tensor]:
    """Return the outputs if they are several, and each is one floating number an instance."""
    floats = all(one.dtype.startswith("float") for one in outputs)
    single = all(array.size == 1 for run in runs for array in run.values())
    return list(outputs) if len(outputs) > 1 and floats and single else []


def _embed(facts: Facts) -> Answering:
    """Choose the vector an instance; of one vector a token, their mean."""
    outputs = [one for one in facts.runtime.outputs if one.dtype.startswith("float")]
    chosen = next((one for one in outputs if len(one.shape) == 2), outputs[0] if outputs else None)
    if chosen is None:
        raise BakeError(f"--task embed: expected an output of vectors, "
                        f"got {stated(facts.runtime.outputs)}")  # fmt: skip
    settings: dict[str, Any] = {"output": chosen.name}
    if len(chosen.shape) == 3:
        masks = [one.name for one in facts.runtime.inputs if "mask" in one.name.lower()]
        settings |= {"pooling": "mean", **({"mask": masks[0]} if masks else {})}
    settings |= facts.hints.answer
    why = f"the {settings['pooling']} over the tokens" if "pooling" in settings else chosen.name
    return Answering(task="embed", settings=settings,
                     guesses=(Guess("task", "embed", why, "--task tensors"),))  # fmt: skip


def _scores(
    outputs: Sequence[Tensor], runs: Sequence[Arrays]
) -> tuple[Tensor, NDArray[Any]] | None:
    """Find the one output with numbers of an instance; a label beside it is the engine's own.

    Returns:
        The output, and its values [runs, C]; None if there are none or several.
    """
    numeric = [one for one in outputs if one.dtype not in ("string", "bool")]
    if len(outputs) == 2:
        floats = [one for one in numeric if one.dtype not in _WHOLE]
        numeric = floats if len(floats) == 1 else numeric
    if len(numeric) != 1 or len(outputs) > 2:
        return None
    found = [run[numeric[0].name] for run in runs]
    sizes = {array.size for array in found}
    # [1, C], [C], [1, 1, C], [1, C, 1, 1]: one list of numbers; [1, 8, 50] is none.
    if len(sizes) != 1 or any(array.size != max((*array.shape, 1)) for array in found):
        return None
    return numeric[0], np.stack([array.reshape(-1) for array in found])


def _is_label(output: Tensor, runs: Sequence[Arrays]) -> bool:
    return output.dtype in _WHOLE and all(run[output.name].size == 1 for run in runs)


def _is_number(facts: Facts, output: Tensor, values: NDArray[Any]) -> bool:
    labels = facts.wishes.labels or facts.hints.labels
    last = facts.graph.last.get(output.name, "")
    if "Regressor" in last:
        return True
    return values.shape[1] == 1 and last != "Sigmoid" and len(labels) < 2


def _why_regress(wished: str, values: NDArray[Any]) -> str:
    if wished:
        return "given"
    return "one number without bounds" if values.shape[1] == 1 else f"{values.shape[1]} numbers"


def _regress(outputs: Sequence[Tensor], why: str, labels: Sequence[str] = ()) -> Answering:
    """Answer with numbers; --labels name those of one output."""
    names = [one.name for one in outputs]
    settings: dict[str, Any] = {"output": names[0]} if len(names) == 1 else {"outputs": names}
    settings |= {"names": list(labels)} if labels else {}
    guess = Guess("task", "regress", why, "--task classify, embed or tensors")
    return Answering(task="regress", settings=settings, guesses=(guess,))


def _classify(
    facts: Facts, output: Tensor, values: NDArray[Any], wished: str
) -> Answering:  # fmt: skip
    """Find how scores become probabilities, and the labels."""
    settings: dict[str, Any] = {"output": output.name, **facts.hints.answer}
    values = values.astype(np.float64)
    if output.dtype in ("uint8", "int8") and "scale" not in settings:
        # One step of a quantised probability is 1/256.
        settings |= {"scale": 1 / 256, "shift": 0.0 if output.dtype == "uint8" else 0.5}
    values = values * settings.get("scale", 1.0) + settings.get("shift", 0.0)
    labels, guess = _labels_of(facts, values.shape[1])
    apply, why = _apply_of(facts, output, values, wished)
    if apply == "many":
        settings["many"] = True
    elif "apply" not in settings and apply != "none":
        settings["apply"] = apply
    settings["labels"] = list(labels)
    form = "each label for itself" if apply == "many" else f"{len(labels)} labels"
    told = Guess("task", f"classify, {form}", why, "--task regress, embed or tensors")
    return Answering(task="classify", settings=settings, guesses=(told, guess))


def _apply_of(
    facts: Facts, output: Tensor, values: NDArray[Any], wished: str
) -> tuple[str, str]:  # fmt: skip
    """Return what makes probabilities of scores [runs, C], and why.

    Raises:
        BakeError: scores before softmax look like any other numbers.
    """
    last = facts.graph.last.get(output.name, "")
    count = values.shape[1]
    within = bool((values >= -1e-6).all() and (values <= 1 + 1e-6).all())
    quantised = output.dtype in ("uint8", "int8")
    tolerance = SUM_TOLERANCE + (count / 512 if quantised else 0)
    if count == 1:
        return ("none", "ends in a sigmoid") if within else ("sigmoid", "one score, two labels")
    if last == "Sigmoid":
        return "many", "ends in a sigmoid"
    if within and _several_labels(facts, count):
        return "many", "a label of each class beside it"
    if within and np.abs(values.sum(axis=1) - 1).max() <= tolerance:
        return "none", "ends in softmax" if last == "Softmax" else "its outputs sum to 1"
    if (values <= 1e-6).all() and np.abs(np.exp(values).sum(axis=1) - 1).max() <= tolerance:
        return "exp", "logarithms of probabilities"
    stated_labels = facts.wishes.labels or facts.hints.labels
    if wished or len(stated_labels) == count:
        return "softmax", "the labels are as many as its scores" if stated_labels else "given"
    raise Question(
        f"its output {stated([output])} holds numbers of any size: scores before softmax, an "
        "embedding, or several values?",
        "Say which: --labels a,b,c (softmax makes probabilities of the scores), --task embed, "
        "--task regress, or --task tensors",
    )


def _several_labels(facts: Facts, count: int) -> bool:
    """Whether a label [N, C] stands beside C scores, as scikit-learn's of several labels do."""
    outputs = facts.runtime.outputs
    return len(outputs) == 2 and any(
        one.dtype == "int64" and one.shape[1:] == (count,) for one in outputs
    )


def _labels_of(facts: Facts, count: int) -> tuple[tuple[str, ...], Guess]:
    """Return the labels of `count` scores; of one score, two."""
    expected = 2 if count == 1 else count
    wished = facts.wishes.labels
    if wished and len(wished) != expected:
        raise BakeError(
            f"--labels: expected {expected}, as the model's scores, got {len(wished)}: "
            f"{', '.join(wished[:10])}{', …' if len(wished) > 10 else ''}",
        )
    hinted = facts.hints.labels if len(facts.hints.labels) == expected else ()
    for labels, why in ((wished, "given"), (hinted, "came with the model"),
                        (facts.graph.labels_for(expected), "the file's own")):  # fmt: skip
        if labels:
            return labels, Guess("labels", _listed(labels), why, "--labels a,b,c or FILE")
    labels = ("no", "yes") if count == 1 else tuple(map(str, range(expected)))
    return labels, Guess("labels", _listed(labels), "none in the file", "--labels a,b,c or FILE",
                         sure=False)  # fmt: skip


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels if len(labels) <= 8 else [*labels[:4], "…", labels[-1]])


def _tensors(why: str) -> Answering:
    guess = Guess("task", "tensors: its outputs by name, as they are", why,
                  "--task classify, regress or embed, or --recipe recipe.py")  # fmt: skip
    return Answering(task="tensors", settings={}, guesses=(guess,))
