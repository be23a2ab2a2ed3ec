"""The golden vectors and samples of a bundle that is baked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.bake.errors import BakeError
from model.bake.samples import Sample
from model.bake.write import write_golden
from model.bundle.golden import SAMPLES_FOLDER
from model.elements import to_json
from model.errors import ModelError
from model.recipes.base import Takes
from model.tasks.base import Answer
from model.tensors import NamedInputs

TOLERANCE: Final = 1e-4
QUANTISED: Final = 1e-3
WHY: Final = "runtimes and processors round float32 differently; relative to the largest number"
MOST_CASES: Final = 20
SEEDED_CASES: Final = 3
LARGE: Final = 10_000
"""More numbers than this in an instance make 100 kB of JSON."""

_PLURAL: Final = {"row": "rows", "text": "texts"}


def write_vectors(
    folder: Path, samples: Sequence[Sample], takes: Takes, *, seeded: bool, quantised: bool
) -> tuple[list[Answer], Path]:
    """Write samples/ and golden.json.

    Args:
        folder: the bundle, complete except for these.
        samples: the first twenty are taken; of seeded ones three.
        takes: what an instance is.
        seeded: whether they are made up.
        quantised: whether small differences flip a quantised number.

    Returns:
        The answers, and the file to post: a picture, or rows.json, texts.json, inputs.json.

    Raises:
        BakeError: a sample cannot be predicted.
    """
    (folder / SAMPLES_FOLDER).mkdir(exist_ok=True)
    chosen = samples[: SEEDED_CASES if seeded else MOST_CASES]
    if seeded and _is_large(chosen[0]):
        chosen = chosen[:1]
    cases: list[tuple[dict[str, Any], Any]] = []
    for sample in chosen:
        case = _case_of(sample, takes, {one["name"] for one, _ in cases})
        if "sample" in case:
            (folder / SAMPLES_FOLDER / case["sample"]).write_bytes(sample.instance)
        cases.append((case, sample.instance))
    try:
        answers = write_golden(
            folder, cases, tolerance=QUANTISED if quantised else TOLERANCE, why=WHY, seeded=seeded
        )
    except ModelError as exc:
        raise BakeError(f"the bundle does not answer: {exc}") from exc
    first = cases[0][0]
    if "sample" in first:
        return answers, folder / SAMPLES_FOLDER / first["sample"]
    return answers, _write_payload(folder, [case for case, _ in cases])


def _is_large(sample: Sample) -> bool:
    """Whether a made-up instance has so many numbers that one of them will do."""
    values = sample.instance.values if isinstance(sample.instance, NamedInputs) else {}
    return sum(np.size(value) for value in values.values()) > LARGE


def _write_payload(folder: Path, cases: Sequence[Mapping[str, Any]]) -> Path:
    """Write a request to post: all rows or texts, or the first of named inputs."""
    key = next(key for key in ("row", "text", "inputs") if key in cases[0])
    payload = {"inputs": cases[0]["inputs"]} if key == "inputs" else {
        _PLURAL[key]: [case[key] for case in cases if key in case]}  # fmt: skip
    path = folder / SAMPLES_FOLDER / f"{next(iter(payload))}.json"
    path.write_text(json.dumps(payload, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _case_of(sample: Sample, takes: Takes, taken: set[str]) -> dict[str, Any]:
    """Name an input as golden.json does; names differ."""
    name, number = sample.name, 2
    while name in taken:
        name, number = f"{sample.name} {number}", number + 1
    instance = sample.instance
    if isinstance(instance, bytes):
        if sample.file:
            return {"name": name, "sample": sample.file}
        stem, _, ending = name.rpartition(".")
        file = re.sub(r"[^A-Za-z0-9_-]+", "-", stem or name).strip("-")[:48] or "sample"
        return {"name": name, "sample": f"{file}.{ending if stem else 'png'}"}
    if isinstance(instance, NamedInputs):
        return {"name": name, "inputs": _json_of(instance.values)}
    return {"name": name, "text" if takes == "text" else "row": instance}


def _json_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: to_json(value) if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }


def require_answers(
    samples: Sequence[Sample], answers: Sequence[Answer], hint: Callable[[], str]
) -> int:
    """Refuse a model that does not answer as it must.

    Args:
        samples: some with the answer that must come.
        answers: those that came.
        hint: says what to try instead; asked only where it is needed.

    Returns:
        How many came as expected.

    Raises:
        BakeError: another answer came; names the sample and both.
    """
    expected = [(s, a) for s, a in zip(samples, answers, strict=False) if s.answer is not None]
    for sample, answer in expected:
        if not is_answered(sample.answer or "", answer):
            raise BakeError(f"{sample.name}: expected {sample.answer}, got {brief(answer)}", hint())
    return len(expected)


def is_answered(expected: str, answer: Answer) -> bool:
    """Whether an answer is the one expected: by its label, its labels, or its number."""
    if "label" in answer:
        return bool(answer["label"] == expected)
    if "labels" in answer:
        return set(answer["labels"]) == {one.strip() for one in expected.split("+") if one.strip()}
    if "value" in answer:
        try:
            return math.isclose(float(expected), answer["value"], rel_tol=1e-3, abs_tol=1e-6)
        except ValueError:
            return False
    return any(str(value) == expected for value in answer.values())


def brief(answer: Any, most: int = 160) -> str:
    """Write an answer on one line, its middle left out if it is long."""
    text = json.dumps(_rounded(answer), ensure_ascii=False)
    return text if len(text) <= most else f"{text[: most - 20]} … {text[-16:]}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value[:50]] if isinstance(value, list) else value
