"""Train and bake the digits model: a Keras Sequential, exported to ONNX.

    python model/zoo/digits/train.py            5,000 digits, no network; half an hour on two cores
    python model/zoo/digits/train.py --full     all 60,000 digits of MNIST; hours
    python model/zoo/digits/train.py --quick    a minute or two, to check that it runs
    python model/zoo/digits/train.py --further 24   the bundle's network learns on; ten minutes
    python model/zoo/digits/train.py --reference    only reference.json, of the bundle as it is

The steps: split, train the teachers, train the served network, export it, compare it with Keras,
write the bundle, measure it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

if not __package__:  # run as a file: what lies beside it must not be found in place of packages
    sys.path[0] = str(Path(__file__).resolve().parents[3])

# Before TensorFlow is imported: it silences TensorFlow's start-up messages.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from model.bake.write import write_reference
from model.bundle.manifest import read_manifest
from model.bundle.reference import REFERENCE_FILE
from model.zoo.digits import charts, measures
from model.zoo.digits.bundle import samples_of, training_of, write_bundle, write_card
from model.zoo.digits.dataset import Dataset, DatasetError, full_mnist, small_mnist, split_of
from model.zoo.digits.network import INPUT, OUTPUT, TEACHER, built, exported
from model.zoo.digits.training import FURTHER_RATE, History, Lesson, Schedule, train

FOLDER: Final = Path(__file__).parent
TOLERANCE: Final = 1e-5
"""The largest difference between ONNX Runtime's probabilities and Keras's."""


class TrainingError(Exception):
    """The training ended, but its result must not be baked."""


QUICK: Final = Schedule(epochs=8, fresh=4, teachers=1, teacher_epochs=4)
FULL: Final = Schedule(epochs=25, fresh=8, teachers=3, teacher_epochs=8)


def bake(
    folder: Path, data: Dataset, schedule: Schedule, *, tested: Dataset | None = None
) -> dict[str, float]:
    """Train on nine tenths of the digits and write the whole bundle.

    Args:
        folder: where it is written; it has the model's name. The bundle there learns on, if the
            schedule says so.
        data: the digits; a tenth of them is held out.
        schedule: how long to train.
        tested: more digits to measure on, if any.

    Returns:
        The metrics that were written into the manifest.

    Raises:
        TrainingError: ONNX Runtime and Keras disagree.
    """
    learnt, apart = split_of(data.labels, seed=schedule.seed)
    held_out = data.at(apart)
    print(f"{data.origin}: {len(learnt)} to learn from, {len(apart)} held out", flush=True)
    minutes = 0.0
    if schedule.further:
        minutes = read_manifest(folder).training["minutes"]
        network, histories = learn_on(folder, data.at(learnt), held_out, schedule)
    else:
        network, histories = teach(data.at(learnt), held_out, schedule)

    onnx = exported(network)
    difference = difference_of(network, onnx, data)
    metrics = {
        "validation_accuracy": measures.accuracy_of(measures.runner(onnx), held_out),
        "validation_digits": float(len(apart)),
        "largest_difference_from_keras": difference,
    }
    if tested is not None:
        metrics["test_accuracy"] = measures.accuracy_of(measures.runner(onnx), tested)
    minutes += sum(history.seconds for history in histories) / 60
    training = training_of(data, schedule, minutes=minutes)
    samples = samples_of(held_out, apart)
    # Baked twice: the served path can be measured only with a bundle that loads.
    write_bundle(folder, onnx, samples, {"training": training, "metrics": metrics})
    metrics["served_accuracy"] = measures.served_accuracy(folder, held_out)
    accuracy, error = measures.other_writers(folder)
    metrics |= {"other_writers_accuracy": accuracy, "other_writers_calibration_error": error}
    manifest = write_bundle(folder, onnx, samples, {"training": training, "metrics": metrics})
    network.save(folder / "digits.keras")
    bake_reference(folder, data)
    charts.draw_learning_curve(folder / "learning_curve.png", histories[-1])
    matrix = measures.confusion_of(measures.runner(onnx), held_out)
    charts.draw_confusion_matrix(folder / "confusion_matrix.png", matrix)
    write_card(manifest, schedule, parameters=network.count_params(), learnt=len(learnt))
    return metrics


def bake_reference(folder: Path, data: Dataset) -> None:
    """Write the reference: the digits it learnt from, and its answers to the held-out ones.

    Raises:
        TrainingError: the bundle was made from other digits.
    """
    manifest = read_manifest(folder)
    if manifest.training["data"] != data.origin:
        raise TrainingError(
            f"{folder}: expected a bundle made from {data.origin}, "
            f"got one made from {manifest.training['data']}"
        )
    learnt, apart = split_of(data.labels, seed=manifest.training["seed"])
    answers = measures.runner(manifest.artefact.read_bytes())(data.digits[apart])
    source = f"{data.origin}: {len(learnt)} learnt from; answers: to the {len(apart)} held out"
    write_reference(folder, {INPUT: data.digits[learnt]}, {OUTPUT: answers}, source=source)


def teach(
    data: Dataset, held_out: Dataset, schedule: Schedule
) -> tuple[keras.Sequential, list[History]]:
    """Train the teachers, then the network that learns from them.

    Returns:
        The network and the histories of all trainings, its own last.
    """
    histories, teachers = [], []
    for number in range(1, schedule.teachers + 1):
        print(f"teacher {number} of {schedule.teachers}", flush=True)
        seed = schedule.seed + number
        keras.utils.set_random_seed(seed)
        teacher = built(TEACHER, dropout=0.4)
        lesson = Lesson(data, schedule.teacher_epochs, seed)
        histories.append(train(teacher, lesson, held_out))
        teachers.append(measures.runner(exported(teacher)))
    print("the network that is served", flush=True)
    keras.utils.set_random_seed(schedule.seed)
    network = built()
    lesson = Lesson(data, schedule.epochs, schedule.seed, teachers, schedule.fresh)
    histories.append(train(network, lesson, held_out))
    return uncompiled(network), histories


def learn_on(
    folder: Path, data: Dataset, held_out: Dataset, schedule: Schedule
) -> tuple[keras.Sequential, list[History]]:
    """Train the network of a bundle further, with its former answers as its teacher's.

    Returns:
        The network, and the history of this training.
    """
    print(f"the network of {folder}", flush=True)
    seed = schedule.seed + schedule.teachers + 1
    keras.utils.set_random_seed(seed)
    network = keras.models.load_model(folder / "digits.keras", compile=False)
    teacher = measures.runner((folder / "digits.onnx").read_bytes())
    lesson = Lesson(data, schedule.further, seed, [teacher], peak_rate=FURTHER_RATE)
    history = train(network, lesson, held_out)
    return uncompiled(network), [history]


def uncompiled(network: keras.Sequential) -> keras.Sequential:
    """Return the network without the optimizer's state, which would treble the file."""
    copy = keras.Sequential.from_config(network.get_config())
    copy.set_weights(network.get_weights())
    return copy


def difference_of(network: keras.Sequential, onnx: bytes, data: Dataset) -> float:
    """Return the largest difference of a probability between ONNX Runtime and Keras, over all
    digits.

    Raises:
        TrainingError: it is more than 1e-5.
    """
    ours = measures.runner(onnx)(data.digits)
    difference = float(np.abs(ours - network.predict(data.digits, verbose=0)).max())
    if not difference <= TOLERANCE:
        raise TrainingError(
            f"digits.onnx: expected Keras's probabilities to {TOLERANCE}, "
            f"got a difference of {difference:.1e}"
        )
    return float(f"{difference:.1e}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the command line says and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python model/zoo/digits/train.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--full", action="store_true", help="learn from all of MNIST")
    length.add_argument("--quick", action="store_true", help="see that it runs")
    length.add_argument("--further", type=int, default=0, metavar="N", help="learn on, N epochs")
    parser.add_argument("--reference", action="store_true", help="write nothing but the reference")
    parser.add_argument("--epochs", type=int, help="of the network that is served")
    parser.add_argument("--seed", type=int, default=Schedule.seed, help=f"default {Schedule.seed}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the bundle is written")
    options = parser.parse_args(arguments)

    schedule = replace(
        FULL if options.full else QUICK if options.quick else Schedule(), seed=options.seed
    )
    schedule = replace(schedule, further=options.further, epochs=options.epochs or schedule.epochs)
    try:
        data, tested = full_mnist() if options.full else (small_mnist(), None)
        if options.reference:
            bake_reference(options.folder, data)
            print(f"wrote {options.folder / REFERENCE_FILE}")
            return 0
        metrics = bake(options.folder, data, schedule, tested=tested)
    except (DatasetError, TrainingError) as exc:
        print(exc, file=sys.stderr)
        return 1
    share = metrics["validation_accuracy"]
    print(f"wrote {options.folder}: {share:.2%} of the held-out digits read right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
