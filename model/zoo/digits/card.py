"""The card of the model: a page whose figures are measured, not typed."""
# ruff: noqa: E501 - the page is Markdown, one sentence per line.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from model.bundle.manifest import Manifest

CARD: Final = """# digits

Which digit is it, 0 to 9?
A small convolutional network that reads one handwritten digit, whoever wrote it and however the picture was taken.

| | |
|---|---|
| kind | image classification: `{tensor}` float32[N, 28, 28, 1] in 0..1, ink = 1, as MNIST has its digits |
| answer | `{output}` float32[N, 10], one probability for each of {labels} |
| model | Keras `Sequential` of Conv2D, MaxPooling2D, Dropout, Flatten and Dense; {parameters:,} parameters |
| served as | ONNX, {size_kb:,.0f} kB, batch normalisation folded into the convolutions |
| data | {data} |
| learnt from | {learnt:,} digits; {held_out:,} held out, a tenth of every digit, by seed {seed} |
| licence | {licence} |

## Measured

| what | |
|---|---|
{figures}

![Learning curve](learning_curve.png)
![Confusion matrix](confusion_matrix.png)

## Training

Grey values are divided by 255, labels are one-hot encoded.
{recipe}
No digit is shown twice the same: a thinner or thicker pen, rotation up to {rotation:.0f} degrees, slant, aspect, elastic bends, then MNIST's own normalisation (the ink in a box of 20 pixels, its mass in the centre) with a little jitter.
{habits:.0%} of the 1s are given a foot or drawn anew with an upstroke, and {habits:.0%} of the 7s a bar or drawn anew, as half of the world writes them and MNIST's writers seldom did.
About {optics:.0%} of the digits are also blurred, hardened, made of fewer pixels or noisy, as photographs do.
AdamW, learning rate up to {rate:g} and down to nothing by a cosine, batches of {batch}.
The held-out digits were looked at only: nothing was chosen by them, and the weights of the last epoch are the ones served.
`digits.keras` is the same network as Keras saves it, without the optimizer's state.

## Limits

- One digit a picture: two side by side are refused; two that touch, a letter or a doodle get a digit's name, often with confidence.
- MNIST was written in the United States about 1990; a 1 with a long and nearly level upstroke may be read as a 7, and a 4 with a small closed head as a 9.
- A digit turned by more than about 30 degrees may be another digit; a 6 upside down is a 9.
- {held_out:,} held-out digits tell the accuracy to about {margin:.1f} points (95 %); the confusion matrix shows each error.
- The probabilities are the network's own, measured on digits that it never saw and not adjusted afterwards.

Made by `python -m model.zoo.digits.train`, which also writes this page.
"""

FIGURES: Final = {
    "validation_accuracy": "accuracy on the {validation_digits:,.0f} held-out digits",
    "served_accuracy": "the same digits as PNG files, through the whole served path",
    "other_writers_accuracy": "1,797 digits by other writers (scikit-learn's `load_digits`, 8x8 pixels, enlarged)",
    "other_writers_calibration_error": "their expected calibration error: how far confidence and accuracy are apart",
    "test_accuracy": "accuracy on MNIST's test set of 10,000 digits",
    "largest_difference_from_keras": "largest difference of a probability between ONNX Runtime and Keras",
}
"""What each metric of model.toml means."""


def card_of(manifest: Manifest, facts: Mapping[str, Any]) -> str:
    """Write the card, as Markdown.

    Args:
        manifest: as in the bundle; every figure comes from it or from `facts`.
        facts: parameters, learnt, held_out, recipe, rotation, habits, optics, rate, batch.
    """
    accuracy = manifest.metrics["validation_accuracy"]
    held_out = manifest.metrics["validation_digits"]
    return CARD.format(
        tensor=manifest.inputs[0].name,
        output=manifest.outputs[0].name,
        labels=", ".join(manifest.task.labels),
        size_kb=manifest.artefact.stat().st_size / 1000,
        data=manifest.training["data"],
        seed=manifest.training["seed"],
        licence=manifest.licence,
        figures="\n".join(_figures(manifest.metrics)),
        margin=100 * 1.96 * (accuracy * (1 - accuracy) / held_out) ** 0.5,
        **facts,
    )


def _figures(metrics: Mapping[str, float]) -> list[str]:
    """Return one row of the table per metric that is explained."""
    return [
        f"| {meaning.format_map(dict(metrics))} | {_spelt(name, metrics[name])} |"
        for name, meaning in FIGURES.items()
        if name in metrics
    ]


def _spelt(name: str, value: float) -> str:
    if name.endswith("accuracy"):
        return f"{value:.2%}"
    return f"{value:g}"
