"""recipe.py, the owner's two functions: when it is loaded, and what it may take and give."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from model.bundle.manifest import read_manifest
from model.errors import ArtefactError, EngineError, FormatError, InputError
from model.predictor import Predictor
from model.tensors import NamedInputs
from tests.model.bundle.bundles import DOCUMENT, write_bundle

PREPARE = '''
"""Means of pictures, sums of rows, lengths of texts."""
from __future__ import annotations
import dataclasses
import numpy as np
from PIL import Image

@dataclasses.dataclass
class Numbers:
    values: list[float]

def prepare(instances):
    numbers = Numbers([number_of(one) for one in instances])
    return {"x": np.array(numbers.values, np.float32)[:, None]}
'''
ANSWER = """
def answer(outputs, count):
    (name, scores), = outputs.items()
    return [{"doubled": one[0], "all": one, "many": len(scores)} for one in scores]
"""
NUMBERS = {
    "image": "def number_of(one):\n    one += np.uint8(0)\n    return one.mean()",
    "row": "def number_of(one):\n    return sum(one.values() if isinstance(one, dict) else one)",
    "text": "def number_of(one):\n    return len(one)",
}


def written(folder: Path, code: str, **changes: Any) -> Path:
    """Write the bundle of a model that doubles a number, with this recipe.py; None: no key."""
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", 1)) for name in ("x", "y")]
    node = helper.make_node("Add", ["x", "x"], ["y"])
    graph = helper.make_graph([node], "any", info[:1], info[1:])
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    kept = ("schema", "name", "version", "artefact", "limits")
    document = {
        **{key: DOCUMENT[key] for key in kept},
        "task": "custom",
        "recipe": "custom",
        "inputs": [{"name": "x", "dtype": "float32", "shape": [-1, 1]}],
        "outputs": [{"name": "y", "dtype": "float32", "shape": [-1, 1]}],
        "custom": {
            "file": "recipe.py",
            "sha256": hashlib.sha256(code.encode()).hexdigest(),
            "takes": "row",
        },
    }
    whole = {key: value for key, value in (document | changes).items() if value is not None}
    bundle = write_bundle(folder / "tiny", whole, content=model)
    (bundle / "recipe.py").write_text(code, encoding="utf-8")
    return bundle


def custom(code: str, **changes: Any) -> dict[str, Any]:
    """Return the table [custom] of a file."""
    return {"sha256": hashlib.sha256(code.encode()).hexdigest(), **changes}


def complaint(bundle: Path) -> str:
    """Return what reading the manifest complains of, after the file's name."""
    with pytest.raises(ArtefactError) as caught:
        read_manifest(bundle)
    return str(caught.value).removeprefix(f"{bundle / 'model.toml'}: ")


def picture_of(level: int) -> bytes:
    """Draw a plain picture with an alpha channel."""
    out = io.BytesIO()
    Image.new("RGBA", (3, 2), (level, level, level, 255)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("takes", "instances", "doubled"),
    [
        ("image", [picture_of(7), picture_of(200)], [14, 400]),
        ("row", [[1, 2], {"a": 3, "b": 4}], [6, 14]),
        ("text", ["", "héé"], [0, 6]),
    ],
)
def test_both_functions_are_the_way_in_and_out(
    tmp_path: Path, takes: str, instances: list[Any], doubled: list[float]
) -> None:
    """Pictures come decoded, rows and texts as they are sent; NumPy's numbers become JSON's."""
    code = PREPARE + NUMBERS[takes] + ANSWER
    predictor = Predictor.load(written(tmp_path, code, custom=custom(code, takes=takes)))
    answers, _ = predictor.predict(instances)
    assert answers == [{"doubled": one, "all": [one], "many": 2} for one in doubled]
    assert json.loads(json.dumps(answers)) == answers
    assert predictor.recipe.describe().takes == takes
    by_name, _ = predictor.predict(NamedInputs({"x": [[5]]}))
    assert by_name == [{"doubled": 10, "all": [10], "many": 1}]


def test_one_function_is_enough(tmp_path: Path) -> None:
    """A recipe of ours goes with an answer of theirs, and theirs with a task of ours."""
    rows = {"columns": [{"name": "a"}]}
    bundle = written(tmp_path, ANSWER, recipe=None, rows=rows)
    assert Predictor.load(bundle).predict([[4]])[0] == [{"doubled": 8, "all": [8], "many": 1}]
    bundle = written(tmp_path, PREPARE + NUMBERS["row"], task="regress")
    assert Predictor.load(bundle).predict([[1, 2], [3]])[0] == [{"value": 6}, {"value": 6}]


WRONG_FILES = [
    ("import pandas\n", "file: expected imports of the standard library, numpy, PIL, "
     "model.pictures, got pandas at line 1"),
    ("def prepare(instances):\n    from model.predictor import Predictor\n",
     "file: expected imports of the standard library, numpy, PIL, model.pictures, "
     "got model.predictor.Predictor at line 2"),
    ("from . import other\n", "file: expected imports of the standard library, numpy, PIL, "
     "model.pictures, got ..other at line 1"),
    ("import json\n1 / 0\n",
     "file: expected Python that loads, got ZeroDivisionError: division by zero at line 2"),
    ("import sys\nsys.exit(0)\n", "file: expected Python that loads, got SystemExit: 0 at line 2"),
    ("def prepare(:\n", "file: expected Python that loads, got invalid syntax at line 1"),
    ("prepare = 7\ndef answer(outputs, count): ...\n",
     "file: expected a function prepare in recipe.py, got none"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), WRONG_FILES)
def test_a_file_that_cannot_run_stops_the_load(tmp_path: Path, code: str, expected: str) -> None:
    """What it imports, its syntax, what it does when it is loaded, and a missing function."""
    assert f"custom.{expected}" in complaint(written(tmp_path, code)).split("; ")


def test_another_file_than_was_baked_stops_the_load(tmp_path: Path) -> None:
    """A changed recipe.py is not run, and neither is one that is not there."""
    code = PREPARE + NUMBERS["row"] + ANSWER
    bundle = written(tmp_path, code)
    changed = f"{code}raise SystemExit\n"
    (bundle / "recipe.py").write_text(changed, encoding="utf-8")
    digest = hashlib.sha256(changed.encode()).hexdigest()
    assert complaint(bundle) == f"custom.sha256: expected that of recipe.py, got {digest}"
    (bundle / "recipe.py").unlink()
    expected = "custom.file: expected recipe.py beside the manifest, got No such file or directory"
    assert complaint(bundle) == expected


def test_another_name_and_another_kind_are_refused(tmp_path: Path) -> None:
    """The file is named recipe.py, and its instances are pictures, rows or texts."""
    code = PREPARE + NUMBERS["row"] + ANSWER
    table = custom(code, file="mine.py", takes="tensors")
    assert complaint(written(tmp_path, code, custom=table)).split("; ") == [
        "custom.takes: expected one of image, row, text, got 'tensors'",
        "custom.file: expected one of recipe.py, got 'mine.py'",
    ]


def failing(tmp_path: Path, code: str, instances: Any = ([1],)) -> Exception:
    """Return the error that a prediction ends with."""
    with pytest.raises((InputError, EngineError)) as caught:
        Predictor.load(written(tmp_path, code)).predict(list(instances))
    return caught.value


def test_value_errors_are_the_callers(tmp_path: Path) -> None:
    """Their text is the caller's answer; the log learns the line."""
    error = failing(
        tmp_path, "def prepare(x):\n    raise ValueError('a row is one number')\n" + ANSWER
    )
    assert isinstance(error, InputError)
    assert str(error) == "rows: a row is one number"
    assert error.reason == "recipe.py, prepare: ValueError: a row is one number at line 2"


SUM = PREPARE + NUMBERS["row"]
FAILURES = [
    ("def prepare(x):\n    return x['no']\n" + ANSWER,
     "prepare: TypeError: list indices must be integers or slices, not str at line 2"),
    ("def prepare(x):\n    return {'y': 1}\n" + ANSWER,
     "prepare: expected arrays by the names ['x'], got ['y']"),
    ("def prepare(x):\n    return None\n" + ANSWER,
     "prepare: expected arrays by the names ['x'], got NoneType"),
    ("def prepare(x):\n    return {'x': [1]}\n" + ANSWER,
     "prepare: expected an array x, got list"),
    ("import numpy as np\ndef prepare(x):\n    return {'x': np.zeros((1, 1))}\n" + ANSWER,
     "prepare: expected x of float32 and shape [1, 1], got float64 of shape [1, 1]"),
    ("import numpy as np\ndef prepare(x):\n    return {'x': np.zeros((2, 1), 'f')}\n" + ANSWER,
     "prepare: expected x of float32 and shape [1, 1], got float32 of shape [2, 1]"),
    (f"{SUM}\ndef answer(outputs, count):\n    return []", "answer: expected a list of 1, got 0"),
    (f"{SUM}\ndef answer(outputs, count):\n    return outputs",
     "answer: expected a list of 1, got dict"),
    (f"{SUM}\ndef answer(outputs, count):\n    return [1]", "answer: expected objects, got int"),
    (f"{SUM}\ndef answer(outputs, count):\n    return [{{'a': {{1}}}}]",
     "answer: expected what JSON can express, got a set"),
    (f"{SUM}\ndef answer(outputs, count):\n    return [{{'a': float('nan')}}]",
     "answer: expected what JSON can express, got Out of range float values are not JSON"
     " compliant"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), FAILURES)
def test_all_other_failures_are_the_owners(tmp_path: Path, code: str, expected: str) -> None:
    """Any other error, and a result that is not as agreed, is ours to the caller."""
    error = failing(tmp_path, code)
    assert isinstance(error, EngineError)
    # Python 3.12 adds which.
    assert str(error).removesuffix(": nan") == f"recipe.py, {expected}"


def test_what_is_no_row_or_picture_never_reaches_the_code(tmp_path: Path) -> None:
    """Kinds are checked first, and pictures are decoded by the same careful code as all others."""
    code = PREPARE + NUMBERS["row"] + ANSWER
    assert str(failing(tmp_path, code, ["x"])) == (
        "rows[0]: expected a list or an object, got a string"
    )
    bundle = written(tmp_path, code, custom=custom(code, takes="image"))
    with pytest.raises(FormatError):
        Predictor.load(bundle).predict([b"no picture"])


def test_prepare_may_leave_notes_for_answer(tmp_path: Path) -> None:
    """Arrays that are not the model's pass it by: a detector's answer needs the pictures' sizes."""
    code = """
import numpy as np

def prepare(instances):
    sizes = np.array([[len(one)] for one in instances])
    return {"x": np.zeros((len(instances), 1), np.float32), "_sizes": sizes}

def answer(outputs, count):
    assert set(outputs) <= {"y", "_sizes"}
    sizes = outputs.get("_sizes", [["unknown"]])
    return [{"size": sizes[n][0]} for n in range(count)]
"""
    predictor = Predictor.load(written(tmp_path, code))
    assert predictor.predict([[1, 2], [3]])[0] == [{"size": 2}, {"size": 1}]
    assert predictor.predict(NamedInputs({"x": [[5]]}))[0] == [{"size": "unknown"}]


def test_prepare_gets_pictures_at_full_size(tmp_path: Path) -> None:
    """A large JPEG is not decoded at a smaller size, as it is where a recipe of ours shrinks it."""
    numbers = "def number_of(one):\n    return one.shape[1]"
    code = f"{PREPARE}{numbers}{ANSWER}"
    out = io.BytesIO()
    Image.new("L", (2050, 2048)).save(out, "JPEG")
    predictor = Predictor.load(written(tmp_path, code, custom=custom(code, takes="image")))
    assert predictor.predict([out.getvalue()])[0][0]["doubled"] == 4100


def test_numbers_are_as_short_as_their_type(tmp_path: Path) -> None:
    """A float32 has the digits that it holds, not those of the float64 that it becomes."""
    answer = (
        "def answer(outputs, count):\n    return [{'a': one / 20} for one in outputs['y'][:, 0]]"
    )
    bundle = written(tmp_path, f"{PREPARE}{NUMBERS['row']}\n{answer}")
    assert Predictor.load(bundle).predict([[1], [3]])[0] == [{"a": 0.1}, {"a": 0.3}]


def test_the_arrays_of_texts_are_objects(tmp_path: Path) -> None:
    """Texts may come as NumPy's own strings, which engines do not take."""
    from model.recipes.custom import _array
    from model.tensors import Tensor

    got = _array(np.array(["a", "bc"]), Tensor("t", "string", (-1,)), 2)
    assert (got.dtype.kind, got.tolist()) == ("O", ["a", "bc"])
