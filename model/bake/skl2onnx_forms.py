"""Converts scikit-learn's models by skl2onnx, in the form of inputs that agrees with them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.errors import BakeError
from model.bake.multilabel import flatten, is_multilabel, shares_of
from model.bake.skl2onnx_mends import mended
from model.bake.sklearn_refusals import parts_of, refusal_of, require_beyond_margin, require_known
from model.recipes.base import Column, Feeds

MATRIX: Final = "input"
TEXT: Final = "text"
NEAR: Final = 1e-4
"""Beyond this, relative to the largest number, float64 is tried."""

OPSETS: Final = {"": 18, "ai.onnx.ml": 3}
"""The newest of which skl2onnx writes every model; of ONNX-ML 4 it writes some."""

WORDS: Final = {
    r"(?u)\b\w\w+\b": r"[\p{L}\p{N}_]{2,}",
    r"(?u)\b\w+\b": r"[\p{L}\p{N}_]+",
}
"""scikit-learn's patterns of a word, as ONNX Runtime's RE2 writes them.

skl2onnx writes [a-zA-Z0-9_]+, which cuts Straße in two and keeps words of one letter.
"""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to state a model's inputs: names, and ONNX's types of elements.

    Attributes:
        types: skl2onnx's name of a type by input: "Float", "Double", "Int64", "String", "Boolean".
        widths: columns by input.
        names: the DataFrame's columns by input; empty: the model was fitted on an array.
        gaps: those of the columns in which samples have missing values; a missing text is "".
    """

    types: Mapping[str, str]
    widths: Mapping[str, int]
    names: Mapping[str, tuple[str, ...]]
    gaps: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The DataFrame's columns in the model's order."""
        return tuple(
            Column(name, missing="nan" if name in self.gaps else "refuse")
            for names in self.names.values()
            for name in names
        )

    def as_written(self, inputs: Sequence[str]) -> Form:
        """Return the same by the ONNX file's names: skl2onnx writes no blanks and brackets."""
        new = dict(zip(self.types, inputs, strict=True))
        return replace(
            self,
            types={new[key]: value for key, value in self.types.items()},
            widths={new[key]: value for key, value in self.widths.items()},
            names={new[key]: value for key, value in self.names.items()},
        )

    def as_type(self, kind: str) -> Form:
        """Return the same with all numbers of one type."""
        types = {k: v if v in ("String", "Boolean") else kind for k, v in self.types.items()}
        return replace(self, types=types)

    def instances(self, feeds: Feeds) -> Any:
        """Return what the model takes: a DataFrame, an array, or a list of texts."""
        if not any(self.names.values()) and TEXT in self.types:
            return [str(one) for one in feeds[TEXT].reshape(-1)]
        arrays = {key: np.asarray(feeds[key]).reshape(-1, self.widths[key]) for key in self.types}
        arrays = {key: _as_fitted(array) for key, array in arrays.items()}
        if not any(self.names.values()):
            return arrays[MATRIX]
        import pandas as pd

        columns = {
            name: array[:, at]
            for key, array in arrays.items()
            for at, name in enumerate(self.names[key])
        }
        for name in self.gaps.intersection(columns):
            if columns[name].dtype == object:
                columns[name] = np.where(columns[name] == "", np.nan, columns[name])
        return pd.DataFrame(columns)

    def feeds(self, samples: Any) -> Feeds:
        """Return the tensors of samples."""
        kinds = {"Float": "f4", "Double": "f8", "Int64": "i8", "Boolean": "?", "String": "O"}
        if not any(self.names.values()):
            if TEXT in self.types:
                return {TEXT: np.array([[str(one)] for one in samples], object)}
            return {MATRIX: np.asarray(samples).astype(kinds[self.types[MATRIX]])}
        named = {key: samples[list(self.names[key])] for key in self.types}
        return {
            key: (table.astype(object).where(table.notna(), "") if kind == "String" else table)
            .to_numpy()
            .astype(kinds[kind])
            for (key, table), kind in zip(named.items(), self.types.values(), strict=True)
        }


def _as_fitted(array: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as models are fitted on them: float64, 57.78 for the float32 next to it.

    Trees split at such numbers, and ask which side a number is on.
    """
    if array.dtype.kind == "U":
        return array.astype(object)
    return array.astype(str).astype(np.float64) if array.dtype == np.float32 else array


def convert(model: Any, samples: Any, path: Path, *, exact: bool = False) -> tuple[Any, Form]:
    """Write a model as ONNX with the first form of inputs that works and agrees with it.

    Args:
        model: fitted.
        samples: what it takes; None if there are none.
        path: where the file is written.
        exact: whether float64 comes first.

    Returns:
        The ONNX model and the form of its inputs.

    Raises:
        BakeError: skl2onnx is not installed, or cannot convert it.
    """
    try:
        import skl2onnx  # noqa: F401  # only whether it is there
    except ImportError as exc:
        raise BakeError(
            "scikit-learn models are converted by skl2onnx, which this Python has not",
            "pip install skl2onnx",
        ) from exc
    require_known(model)
    # A number at the edge of a bin is on the other side of it in float32.
    exact = exact or any(type(one).__name__ == "KBinsDiscretizer" for one in parts_of(model))
    failed: Exception | None = None
    best: tuple[float, Any, Form] | None = None
    for form in _forms(model, samples, exact=exact):
        try:
            converted = _to_onnx(model, form)
        except Exception as exc:  # noqa: BLE001  # skl2onnx raises what its parts raise
            failed = failed or exc
            continue
        path.write_bytes(converted.SerializeToString())
        apart = 0.0 if samples is None else _difference(model, path, form, samples)
        if apart <= NEAR:
            return converted, form
        if best is None or apart < best[0]:
            best = (apart, converted, form)
    if best:
        path.write_bytes(best[1].SerializeToString())
        return best[1:]
    cause = " ".join(str(failed).split("\n\n")[0].split())
    unknown = re.search(
        r"(?:shape calculator for type '<class '(?:\w+\.)*|for class ')(\w+)'", cause
    )
    raise refusal_of(model, cause, unknown[1] if unknown else "") from failed


def _forms(model: Any, samples: Any, *, exact: bool) -> list[Form]:
    """Return ways to state the inputs, the plainest first; float64 last, or first if exact."""
    stated = list(_stated(model, samples))
    plain = [one for form in stated for one in (form, form.as_type("Float"))]
    double = [form.as_type("Double") for form in stated]
    forms = [*double, *plain] if exact else [*plain, *double]
    return [form for at, form in enumerate(forms) if form not in forms[:at]]


def _stated(model: Any, samples: Any) -> Iterator[Form]:
    names = tuple(map(str, getattr(model, "feature_names_in_", ())))
    if hasattr(samples, "columns"):
        names = _read_by(model) or names or tuple(map(str, samples.columns))
        types = {name: _type_of(samples[name].dtype) for name in names}
        gaps = frozenset(name for name in names if samples[name].isna().any())
        if "String" not in types.values() and not _has_names(model):
            yield replace(_matrix("Float", len(names), names), gaps=gaps)
        yield Form(types, dict.fromkeys(names, 1), {name: (name,) for name in names}, gaps)
        return
    if samples is not None and len(samples) and all(isinstance(one, str) for one in samples):
        yield Form({TEXT: "String"}, {TEXT: 1}, {TEXT: ()})
        return
    array = None if samples is None else np.asarray(samples)
    given = array.shape[1] if array is not None and array.ndim == 2 else 0
    width = getattr(model, "n_features_in_", 0) or given
    if given and given != width:
        raise BakeError(f"--sample: expected rows of {width} columns, got {given}")
    if not width:
        raise BakeError(
            f"it is not known what {type(model).__name__} takes",
            "Give some rows or texts that it takes: bake(model, samples=X[:20]).",
        )
    yield _matrix(_type_of(array.dtype) if array is not None else "Float", width, names)


def _read_by(model: Any) -> tuple[str, ...]:
    """Return the columns of which a ColumnTransformer at the front makes something, in order."""
    first = steps_of(model)[0]
    named = tuple(map(str, getattr(first, "feature_names_in_", ())))
    read: set[str] = set()
    for _, step, columns in getattr(first, "transformers_", ()):
        if not (isinstance(step, str) and step == "drop"):
            read |= {columns} if isinstance(columns, str) else set(map(str, columns))
    return tuple(name for name in named if name in read) if read <= set(named) else ()


def _matrix(kind: str, width: int, names: tuple[str, ...]) -> Form:
    kind = "Float" if kind in ("Int64", "Boolean") else kind
    return Form({MATRIX: kind}, {MATRIX: width}, {MATRIX: names})


def _type_of(dtype: Any) -> str:
    kind = getattr(dtype, "kind", "O")
    return {"f": "Float", "i": "Int64", "u": "Int64", "b": "Boolean"}.get(kind, "String")


def steps_of(model: Any) -> list[Any]:
    return [step for _, step in getattr(model, "steps", [("", model)])]


def _has_names(model: Any) -> bool:
    """Tell whether a step picks columns by name."""
    return any(hasattr(step, "transformers") for step in steps_of(model))


def _to_onnx(model: Any, form: Form) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common import data_types

    inputs = [
        (name, getattr(data_types, f"{kind}TensorType")([None, form.widths[name]]))
        for name, kind in form.types.items()
    ]
    options: dict[int, dict[str, Any]] = {}
    options |= {id(step): found for step in steps_of(model) if (found := _options_of(step))}
    options |= {id(step): words for step in parts_of(model) if (words := _words_of(step))}
    with warnings.catch_warnings(), mended(steps_of(model)):
        warnings.simplefilter("ignore")
        converted = to_onnx(model, initial_types=inputs, options=options, target_opset=dict(OPSETS))
    if not hasattr(model, "predict_proba") and converted.graph.output[0].name == "label":
        del converted.graph.output[1:]  # scores without a name for what they are
    if is_multilabel(model):
        flatten(converted, len(model.classes_))
    return converted


def _words_of(step: Any) -> dict[str, str]:
    """Return skl2onnx's option for a step that finds words, so that it finds scikit-learn's."""
    pattern = WORDS.get(getattr(step, "token_pattern", None) or "")
    return {"tokenexp": pattern} if pattern and step.analyzer == "word" else {}


def _options_of(step: Any) -> dict[str, bool]:
    """Return skl2onnx's options for a step: scores as a matrix, not as a dictionary an instance.

    A classifier that knows no such option is given another one, which changes nothing: without any,
    skl2onnx sets the option that it does not know.
    """
    from skl2onnx._supported_operators import _get_sklearn_operator_name
    from skl2onnx.common._registration import get_converter

    try:
        known = get_converter(_get_sklearn_operator_name(type(step))).get_allowed_options() or ()
    except ValueError:  # there is no converter, and skl2onnx will say so
        return {}
    return {option: False for option in ("zipmap", "nocl") if option in known}


def ask(model: Any, instances: Any, outputs: list[str]) -> dict[str, NDArray[Any]]:
    """Ask the model itself.

    Raises:
        BakeError: it fails.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not hasattr(model, "predict"):
                found = model.transform(instances)
                return {outputs[0]: found.toarray() if hasattr(found, "toarray") else found}
            require_beyond_margin(model, instances)
            predicted = np.asarray(model.predict(instances))
            predicted = predicted.astype(np.int64) if predicted.dtype == bool else predicted
            if not hasattr(model, "predict_proba"):
                return {outputs[0]: predicted}
            shares = model.predict_proba(instances)
    except BakeError:
        raise
    except Exception as exc:
        raise BakeError(f"the model itself fails on an input: {exc}") from exc
    if is_multilabel(model):
        shares = shares_of(shares)
    if isinstance(shares, list):
        raise BakeError(
            f"{type(model).__name__} has {len(shares)} outputs with labels of their own",
            "Bake one model for each, or one with labels yes and no: OneVsRestClassifier.",
        )
    return {outputs[0]: predicted, outputs[1]: shares}


def _difference(model: Any, path: Path, form: Form, samples: Any) -> float:
    """Return how far the conversion is from the model on the samples; infinite: it fails."""
    from model.bake.trial import difference_of
    from model.engines.onnx import open_session

    try:
        session = open_session(path)
        names = [one.name for one in session.get_outputs()]
        written = form.as_written([one.name for one in session.get_inputs()])
        feeds = written.feeds(samples)
        got = dict(zip(names, session.run(names, feeds), strict=True))
    except Exception:  # noqa: BLE001  # another form may work
        return float("inf")
    expected = ask(model, written.instances(feeds), names)
    apart = 0.0
    for name, values in expected.items():
        if values.dtype.kind == "f":
            if np.size(got[name]) != values.size:
                return float("inf")
            apart = max(apart, difference_of(np.asarray(got[name]).reshape(values.shape), values))
    return apart
