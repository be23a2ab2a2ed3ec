"""A whole baking: what is said, written, kept, refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from onnx import helper
from PIL import Image

from model.bake import bake
from model.bake.errors import BakeError, as_keywords
from model.bake.weigh import Weight, warnings_of
from model.bake.weigh import weigh as weigh_really
from model.bundle.golden import verify_golden
from model.bundle.versions import Versions
from model.predictor import Predictor
from model.tensors import NamedInputs
from tests.model.bake.conftest import Kitchen
from tests.model.bake.models import endless_model, model_of, picture_model, rows_model


def files_in(folder: Path) -> dict[str, bytes]:
    """Read a whole bundle."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def manifest_in(folder: Path) -> dict[str, Any]:
    """Read a bundle's manifest."""
    return tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))


def test_a_bundle_of_a_file_alone(kitchen: Kitchen, tmp_path: Path) -> None:
    """Nothing is asked of a classifier of rows; it loads, answers, and what is unsure is marked."""
    folder = kitchen.bake(rows_model(tmp_path / "My Rows.onnx", "Softmax"))
    assert folder == kitchen.zoo / "my-rows"
    assert sorted(files_in(folder)) == [
        ".baked.json", "golden.json", "model.toml", "my-rows.onnx", "samples/rows.json",
    ]  # fmt: skip
    assert verify_golden(Predictor.load(folder)) == 3
    assert json.loads((folder / "golden.json").read_text())["seeded"] is True
    assert kitchen.line("read").startswith("ONNX, ")
    assert kitchen.line("read").endswith("x float32 [N, 3] -> y float32 [N, 3], softmax inside")
    assert kitchen.line("batch") == "two together answer as each alone"
    assert [line[2:9].strip() for line in kitchen.said if line.startswith("? ")] == [
        "columns", "labels",
    ]  # fmt: skip
    assert kitchen.line("golden").startswith("3 made-up inputs to compare versions with, which")
    assert kitchen.said[-1].endswith("samples/rows.json "
                                     "http://127.0.0.1:8080/models/my-rows/predict")  # fmt: skip


def test_twice_changes_nothing(kitchen: Kitchen, tmp_path: Path) -> None:
    """The same bytes, the same dates, and it says so."""
    model = rows_model(tmp_path / "m.onnx", "Softmax")
    how: dict[str, Any] = {"labels": "a,b,c", "samples": [[1, 2, 3]], "answers": ["c"]}
    folder = kitchen.bake(model, **how)
    before = [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))]
    kitchen.bake(model, **how)
    assert [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))] == before
    assert kitchen.line("written").endswith("nothing changed")
    assert kitchen.line("golden") == "1 sample, 1 answered as expected"


def test_what_was_edited_survives(kitchen: Kitchen, tmp_path: Path) -> None:
    """Labels, description, limits, a unit: with comments, and the golden vectors follow."""
    model = rows_model(tmp_path / "m.onnx", "Softmax")
    folder = kitchen.bake(model)
    manifest = folder / "model.toml"
    text = manifest.read_text(encoding="utf-8")
    text = text.replace('"0",', '"zero",  # mine').replace("instances = 1000", "instances = 7")
    text = text.replace('{ name = "c0" }', '{ name = "c0", unit = "cm" }')
    text = text.replace("version", 'description = "Mine."\nversion', 1)
    manifest.write_text(text, encoding="utf-8")
    kitchen.bake(model)
    assert manifest.read_text(encoding="utf-8") == text
    assert kitchen.line("kept").endswith("rows.columns.c0.unit, answer.labels, limits.instances, "
                                         "description")  # fmt: skip
    assert verify_golden(Predictor.load(folder)) == 3
    assert "zero" in (folder / "golden.json").read_text(encoding="utf-8")
    kitchen.bake(model, licence="MIT")
    assert manifest_in(folder)["licence"] == "MIT"
    assert manifest_in(folder)["answer"]["labels"] == ["zero", "1", "2"]


def test_another_file_is_another_version(kitchen: Kitchen, tmp_path: Path) -> None:
    """Under the same version it is refused; beside it, both are served, and so is a third."""
    first, second = rows_model(tmp_path / "a", "Softmax"), rows_model(tmp_path / "b", width=3)
    before = files_in(kitchen.bake(first, name="m"))
    refused = kitchen.refusal(second, name="m", task="regress")
    assert refused.what.endswith("holds version 1 of this name, baked from another file")
    assert "--version 2" in refused.do
    assert kitchen.bake(second, name="m", task="regress", version=2) == kitchen.zoo / "m" / "2"
    assert kitchen.line("moved") == f"version 1 moved to {kitchen.zoo / 'm' / '1'}"
    assert files_in(kitchen.zoo / "m" / "1") == before
    kitchen.bake(first, name="m", version=10)
    versions = Versions.load(kitchen.zoo / "m", max_pixels=100)
    assert list(versions.predictors) == ["1", "2", "10"]
    kitchen.bake(first, name="m", version=2, replace=True)
    assert kitchen.refusal(second, name="m", version=2).what


def test_a_data_frame(kitchen: Kitchen, tmp_path: Path) -> None:
    """Its columns name the model's, and its rows are the samples."""
    frame = pandas.DataFrame({"Length (cm)": [1.5, 2], "b": [2, 9], "c": [3.25, 1]})
    folder = kitchen.bake(rows_model(tmp_path / "m"), samples=frame, task="regress")
    assert [one["name"] for one in manifest_in(folder)["rows"]["columns"]] == [
        "Length (cm)", "b", "c",
    ]  # fmt: skip
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    assert golden["cases"][0]["row"] == {"Length (cm)": 1.5, "b": 2.0, "c": 3.25}
    assert "seeded" not in golden


def test_an_expected_answer_that_does_not_come(kitchen: Kitchen, tmp_path: Path) -> None:
    """Refused with both, and the zoo is as it was."""
    model = rows_model(tmp_path / "m.onnx", "Softmax")
    (tmp_path / "row.json").write_text('{"rows": [[0, 9, 0]]}')
    sample = f"{tmp_path / 'row.json'}=a"
    refused = kitchen.refusal(model, labels=["a", "b", "c"], samples=[sample])
    assert refused.what.startswith('row.json: expected a, got {"label": "b", "confidence": 1.0')
    assert not kitchen.zoo.exists()


def test_tensors(kitchen: Kitchen, tmp_path: Path) -> None:
    """Several inputs, two batches that do not mix, and samples as arrays by name."""
    nodes = [
        helper.make_node("Add", ["x", "state"], ["sum"]),
        helper.make_node("ReduceMax", ["sum"], ["most"], keepdims=0),
        helper.make_node("Sub", ["sum", "most"], ["y"]),
    ]
    shape = ("N", 2, 1)
    path = model_of(tmp_path / "m", nodes, {"x": ("FLOAT", shape), "state": ("FLOAT", shape)},
                    {"y": ("FLOAT", shape)})  # fmt: skip
    array = np.ones((1, 2, 1), np.float32)
    three = np.arange(6, dtype=np.float32).reshape(3, 2, 1)
    folder = kitchen.bake(path, samples={"x": three, "state": three}, task="tensors")
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    assert [case["inputs"]["x"] for case in golden["cases"]] == three[:, None].tolist()
    manifest = manifest_in(folder)
    assert (manifest["limits"], manifest["task"]) == ({"instances": 256, "batch": 1}, "tensors")
    assert kitchen.line("batch").startswith("two together answer otherwise than each alone")
    answers, _ = Predictor.load(folder).predict(NamedInputs({"x": array, "state": array * 2}))
    assert answers == [{"outputs": {"y": [[0.0], [0.0]]}}]


def test_a_fixed_batch_is_asked_one_by_one(kitchen: Kitchen, tmp_path: Path) -> None:
    """An export for one instance answers several."""
    nodes = [helper.make_node("Softmax", ["x"], ["y"])]
    path = model_of(tmp_path / "m", nodes, {"x": ("FLOAT", [1, 2])}, {"y": ("FLOAT", [1, 2])})
    folder = kitchen.bake(path)
    assert manifest_in(folder)["limits"]["batch"] == 1
    answers, _ = Predictor.load(folder).predict([[0, 0], [9, 0], [0, 9]])
    assert [one["label"] for one in answers] == ["0", "0", "1"]


def test_what_fails_when_it_runs(kitchen: Kitchen, tmp_path: Path) -> None:
    """NaN, an index out of range, no end: the cause, and that a real input is to be shown."""
    nodes = [helper.make_node("Sub", ["x", "x"], ["zero"]),
             helper.make_node("Div", ["zero", "zero"], ["y"])]  # fmt: skip
    floats: Any = {"x": ("FLOAT", ["N", 2])}
    nan = model_of(tmp_path / "nan", nodes, floats, {"y": ("FLOAT", ["N", 2])})
    refused = kitchen.refusal(nan, name="nan")
    assert refused.what == "it answers made-up inputs with NaN in y"
    assert refused.do.startswith("Show it a real input: --sample FILE")
    shown = kitchen.refusal(nan, name="nan", samples=[[1, 2]])
    assert shown.what == "it answers sample 1 with NaN in y"
    endless = endless_model(tmp_path / "endless")
    assert kitchen.refusal(endless, deadline=0.05).what == (
        "it fails on made-up inputs: no answer within 0.05 s (--deadline allows more)"
    )


def test_a_bundle_is_weighed_in_a_process_of_its_own(kitchen: Kitchen, tmp_path: Path) -> None:
    """It loads as the function loads it; what Lambda cannot hold is warned of."""
    folder = kitchen.bake(rows_model(tmp_path / "m", "Softmax"))
    weight = weigh_really(folder)
    assert (weight.vectors, weight.load_s > 0, 20 < weight.memory_mb < 500) == (3, True, True)
    with pytest.raises(BakeError, match=r"golden vectors within 0\.01 s, the longest that a"):
        weigh_really(folder, deadline_s=0.01)
    assert warnings_of(weight, 1, 1, 1) == []
    heavy = Weight(9.0, 1.0, 20_000, 3)
    assert warnings_of(heavy, 11 * 10**9, 7 * 2**20, 8 * 2**20) == [
        "it needs 20,000 MB: a function has 10,240 at most",
        "it has 11.0 GB: an image has 10 at most",
        "one request has 7.0 MB as JSON: Lambda passes 6 MB, a queue less",
        "one answer has 8.0 MB as JSON: Lambda passes 6 MB, a queue less",
    ]


def test_many_labels_have_a_file(kitchen: Kitchen, tmp_path: Path) -> None:
    """More than twenty stand beside the manifest, and an edited file survives."""
    model = rows_model(tmp_path / "m.onnx", "Softmax", width=21)
    labels = [f"label {number}" for number in range(21)]
    folder = kitchen.bake(model, labels=labels)
    assert manifest_in(folder)["answer"] == {"labels": "labels.txt"}
    path = folder / "labels.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("label 3\n", "three\n"))
    kitchen.bake(model, labels=labels)
    assert kitchen.line("kept") == "what was edited: labels.txt"
    assert Predictor.load(folder).task.labels[3] == "three"


def test_a_live_object_needs_a_name(kitchen: Kitchen) -> None:
    """There is no file that has one."""
    assert kitchen.refusal(object()).what == "a live object has no name"


def bright(path: Path, level: int, size: tuple[int, int] = (4, 4)) -> Path:
    """Write a picture of one gray."""
    Image.new("RGB", size, (level, level, level)).save(path, "PNG")
    return path


def test_pixels_are_asked_or_shown(kitchen: Kitchen, tmp_path: Path) -> None:
    """Nothing tells the scaling of floats: a labelled picture does, if one stands out.

    The model says bright from a mean of 0.5 up, of pixels from 0 to 1.
    """
    model = picture_model(tmp_path / "m.onnx", batch=1)
    dark, light = (bright(tmp_path / f"{level}.png", level) for level in (90, 200))
    assert kitchen.refusal(model).do.startswith("Say how the pixels were scaled when it learnt: ")
    labels = {"labels": ["dark", "bright"]}
    refused = kitchen.refusal(model, samples=[f"{light}=bright"], **labels)
    assert refused.what.startswith("its pixels: none of 3 scalings stands out on 200.png\n")
    assert "--pixels=0..255    1.000" in refused.what
    both = [f"{light}=bright", f"{dark}=dark"]
    wrong = kitchen.refusal(model, samples=both, pixels="0..255", **labels)
    sized = kitchen.refusal(model, size="8x8")
    assert sized.what.endswith("own height and width, 4 x 4, got 8 x 8")
    assert wrong.what.startswith('90.png: expected dark, got {"label": "bright"')
    assert "  --pixels=0..1      1.000  1.000" in wrong.do
    folder = kitchen.bake(model, samples=both, pixels="0..1", **labels)
    assert manifest_in(folder)["picture"] == {
        "size": [4, 4], "colours": "gray", "fit": "stretch", "scale": 1 / 255, "shift": 0.0,
    }  # fmt: skip
    assert kitchen.line("golden") == "2 samples, 2 answered as expected"
    assert kitchen.said[-1].endswith("samples/200.png "
                                     "http://127.0.0.1:8080/models/m/predict")  # fmt: skip


def test_all_that_is_missing_is_asked_at_once(kitchen: Kitchen, tmp_path: Path) -> None:
    """The size, the scaling and what the scores mean: one refusal, and one command after it."""
    nodes = [helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)]
    model = model_of(
        tmp_path / "m.onnx", nodes, {"x": ("FLOAT", ["N", 3, "h", "w"])},
        {"y": ("FLOAT", ["N", 3])}, {"axes": np.array([2, 3])},
    )  # fmt: skip
    refused = kitchen.refusal(model)
    assert refused.what.startswith("3 things must be said:\n- its input x float32 [N, 3, ?, ?]")
    for flag in ("--size 224x224", "--pixels=0..1", "--labels a,b,c"):
        assert flag in refused.what
    kitchen.bake(model, size="4x4", pixels="0..1", labels="r,g,b")


def test_a_scaling_that_stands_out(kitchen: Kitchen, tmp_path: Path) -> None:
    """It is taken, and told with the next best."""
    model = picture_model(tmp_path / "m.onnx", channels=3)
    samples = [f"{bright(tmp_path / 'dark.png', 122)}=dark",
               f"{bright(tmp_path / 'bright.png', 135)}=bright"]  # fmt: skip
    folder = kitchen.bake(model, samples=samples, labels="dark,bright")
    assert manifest_in(folder)["picture"]["scale"] == 1 / 255
    told = next(line for line in kitchen.said if line.startswith("  pixels "))
    assert "of 5 scalings it makes dark.png 0.8" in told


def test_arrays_of_a_training_script_tell_the_scaling(kitchen: Kitchen, tmp_path: Path) -> None:
    """Floats from 0 to 1 are pixels divided by 255; what is out of all ranges is asked."""
    model = picture_model(tmp_path / "m.onnx", channels=3)
    arrays = np.random.default_rng(0).random((2, 3, 4, 4), np.float32)
    folder = kitchen.bake(model, samples=arrays)
    assert manifest_in(folder)["picture"]["scale"] == 1 / 255
    assert verify_golden(Predictor.load(folder)) == 2
    assert "Say how" in kitchen.refusal(model, name="other", samples=arrays * 5 - 2).do


def test_a_preprocessor_of_hugging_face(kitchen: Kitchen, tmp_path: Path) -> None:
    """Mean, deviation, crop and filter are taken from the file."""
    like = tmp_path / "preprocessor_config.json"
    like.write_text(json.dumps({
        "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "do_center_crop": True, "size": {"shortest_edge": 8}, "crop_size": 4, "resample": 3,
    }))  # fmt: skip
    model = picture_model(tmp_path / "m.onnx", channels=3)
    picture = manifest_in(kitchen.bake(model, like=like))["picture"]
    assert (picture.pop("scale"), picture.pop("shift")) == pytest.approx((2 / 255, -1))
    assert picture == {
        "size": [4, 4], "fit": "crop", "shortest_edge": 8, "resample": "bicubic", "colours": "rgb",
    }  # fmt: skip
    like.write_text("[]")
    assert "is no preprocessor_config.json" in kitchen.refusal(model, like=like).what


def test_columns_by_input(kitchen: Kitchen, tmp_path: Path) -> None:
    """Texts and numbers, an input each; a table gives ranges, and what drift is held against."""
    nodes = [
        helper.make_node("OneHotEncoder", ["colour"], ["hot"], domain="ai.onnx.ml",
                         cats_strings=["blue", "red"]),
        helper.make_node("ReduceSum", ["hot", "last"], ["known"], keepdims=0),
        helper.make_node("Mul", ["known", "weight_kg"], ["y"]),
    ]  # fmt: skip
    path = model_of(
        tmp_path / "m.onnx", nodes,
        {"weight_kg": ("FLOAT", [None, 1]), "colour": ("STRING", [None, 1])},
        {"y": ("FLOAT", [None, 1])}, {"last": np.array([2])},
    )  # fmt: skip
    table = tmp_path / "data.csv"
    table.write_text(
        "price;Weight (kg);colour\n" + "1;0,5;red\n2;1.5;blue\n".replace(",", ".") * 20
    )
    folder = kitchen.bake(path, columns=str(table), reference=table)
    assert manifest_in(folder)["rows"]["columns"] == [
        {"name": "Weight (kg)", "minimum": 0.5, "maximum": 1.5},
        {"name": "colour", "dtype": "string", "choices": ["blue", "red"]},
    ]
    reference = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in reference["inputs"]] == ["Weight (kg)"]
    assert reference["source"] == "data.csv, 40 rows"
    answers, _ = Predictor.load(folder).predict([{"colour": "red", "weight kg": 2}])
    assert answers == [{"value": 2.0}]


def test_a_matrix_of_samples_tells_the_ranges(kitchen: Kitchen, tmp_path: Path) -> None:
    """The page's sliders go from the least to the most; few samples say nothing of it."""
    matrix = np.arange(60, dtype=np.float32).reshape(20, 3)
    model = rows_model(tmp_path / "m.onnx", "Softmax")
    for samples, ranges in (
        (matrix, [(0, 57), (1, 58), (2, 59)]),
        (matrix[:5], [(None, None)] * 3),
    ):
        columns = manifest_in(kitchen.bake(model, samples=samples))["rows"]["columns"]
        assert [(one.get("minimum"), one.get("maximum")) for one in columns] == ranges


def test_an_answer_of_the_owners(kitchen: Kitchen, tmp_path: Path) -> None:
    """A recipe.py with `answer` alone goes with a recipe of ours, and must answer a sample."""
    code = "def answer(outputs, count):\n    return [{'most': y.max()} for y in outputs['y']]\n"
    (tmp_path / "own.py").write_text(code, encoding="utf-8")
    model = rows_model(tmp_path / "m.onnx")
    how: dict[str, Any] = {"recipe": tmp_path / "own.py", "samples": [[1, 2, 3]]}
    assert "a sample whose answer is known" in str(kitchen.refusal(model, **how))
    folder = kitchen.bake(model, answers=["6.0"], **how)
    assert Predictor.load(folder).predict([[1, 9, 3]])[0] == [{"most": 18.0}]


def test_whole_pixels(kitchen: Kitchen, tmp_path: Path) -> None:
    """An input of bytes takes the pixels, one of signed bytes the pixels less 128."""
    for kind, told in (("UINT8", "0..255 (whole numbers)"), ("INT8", "x - 128 (whole numbers)")):
        nodes = [helper.make_node("Cast", ["x"], ["f"], to=1),
                 helper.make_node("ReduceMean", ["f", "axes"], ["y"], keepdims=0)]  # fmt: skip
        path = model_of(
            tmp_path / kind, nodes, {"x": (kind, ["N", 1, 2, 2])}, {"y": ("FLOAT", ["N"])},
            {"axes": np.array([1, 2, 3])},
        )  # fmt: skip
        folder = kitchen.bake(path)
        line = next(line for line in kitchen.said if line.startswith("  pixels"))
        assert line.split("  wrong?")[0].split(maxsplit=1)[1].strip() == told
        answers, _ = Predictor.load(folder).predict([bright(tmp_path / "p.png", 5).read_bytes()])
        assert answers == [{"value": 5.0 if kind == "UINT8" else -123.0}]


def test_what_was_edited_wrongly_is_named_where_it_lies(kitchen: Kitchen, tmp_path: Path) -> None:
    """The bundle's own manifest is named, not a draft that is gone."""
    model = rows_model(tmp_path / "m.onnx", "Softmax")
    manifest = kitchen.bake(model) / "model.toml"
    manifest.write_text(manifest.read_text().replace("instances = 1000", "instances = 0"))
    assert kitchen.refusal(model).what == (
        f"{manifest}: limits.instances: expected a whole number from 1, got 0"
    )


def test_python_is_told_keywords(
    kitchen: Kitchen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who calls bake from a notebook has no flags: they are written as it writes them."""
    model = rows_model(tmp_path / "m.onnx")
    with pytest.raises(BakeError, match=r'Say which: labels="a,b,c" .*, task="embed"'):
        bake(model, folder=kitchen.zoo)
    bake(model, folder=kitchen.zoo, task="regress")
    assert 'wrong? columns="a,b,c" or FILE.csv' in capsys.readouterr().out
    for flags, keywords in {
        "with --version 2, or --replace:": 'with version="2", or replace=True:',
        "--pixels=-1..1, --pixels=0..255 (x": 'pixels="-1..1", pixels="0..255" (x',
        "--sample FILE=ANSWER": 'answers=[…] or samples=["FILE=ANSWER"]',
        "--sample FILE=LABEL": 'samples=["FILE=LABEL"]',
        "--columns: expected 3": "columns: expected 3",
        "(--deadline allows more)": "(deadline allows more)",
    }.items():
        assert as_keywords(flags) == keywords


def test_a_zoo_that_is_no_folder(kitchen: Kitchen, tmp_path: Path) -> None:
    """What the file system refuses is one line."""
    kitchen.zoo.write_text("")
    refused = kitchen.refusal(rows_model(tmp_path / "m.onnx", "Softmax"))
    assert refused.what.endswith(("zoo/m: Not a directory", "zoo: File exists"))
