"""How a model wants its pixels: x * scale + shift, of pixels from 0 to 255.

No file of a model says it, and a wrong one gives wrong answers with a straight face. So it is never
guessed silently: it is given, or a labelled sample makes one of five scalings stand out, or it is
asked.

Source: five scalings on nine models, one or two labelled samples each: the true one always gave the
expected label. 0..1, the usual guess, would have been wrong for two of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from model.bake.errors import BakeError, require_file

STANDS_OUT: Final = 0.2
"""How much more probable the expected label must be than with the next best scaling."""

_MEAN: Final = (0.485, 0.456, 0.406)
_STD: Final = (0.229, 0.224, 0.225)

SCALINGS: Final[dict[str, dict[str, Any]]] = {
    "0..1": {"scale": 1 / 255, "shift": 0.0},
    "-1..1": {"scale": 2 / 255, "shift": -1.0},
    "0..255": {"scale": 1.0, "shift": 0.0},
    "imagenet": {
        "scale": [1 / (255 * std) for std in _STD],
        "shift": [-mean / std for mean, std in zip(_MEAN, _STD, strict=True)],
        "colours": "rgb",
    },
    "caffe": {"scale": 1.0, "shift": [-103.939, -116.779, -123.68], "colours": "bgr"},
}
"""Settings of [picture] by the names of --pixels; the last two are for colours only."""


def scalings_for(colours: str) -> dict[str, dict[str, Any]]:
    """Return the scalings that a picture of these colours can have."""
    gray = colours == "gray"
    return {name: one for name, one in SCALINGS.items() if not (gray and "colours" in one)}


def scaling_named(name: str, colours: str) -> dict[str, Any]:
    """Return the settings of --pixels.

    Raises:
        BakeError: there is no such scaling for these colours.
    """
    known = scalings_for(colours)
    if name not in known:
        raise BakeError(f"--pixels: expected one of {', '.join(known)}, got {name!r}")
    return known[name]


def settings_like(path: Path) -> dict[str, Any]:
    """Read [picture] from a preprocessor_config.json, as Hugging Face writes it.

    Returns:
        scale and shift, and size and fit where it states them.

    Raises:
        BakeError: it cannot be read, or is no such file.
    """
    try:
        document = json.loads(require_file("--like", path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BakeError(f"--like: {path} cannot be read as JSON: {exc}") from exc
    try:
        return _settings_of(document)
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise BakeError(
            f"--like: {path} is no preprocessor_config.json",
            "Hugging Face's has image_mean, image_std, rescale_factor and size; "
            "--pixels, --size and --fit say the same.",
        ) from exc


def _settings_of(document: Mapping[str, Any]) -> dict[str, Any]:
    rescale = float(document.get("rescale_factor", 1 / 255))
    rescale = rescale if document.get("do_rescale", True) else 1.0
    settings: dict[str, Any] = {"scale": rescale, "shift": 0.0}
    if document.get("do_normalize", "image_mean" in document):
        means, stds = document["image_mean"], document["image_std"]
        means, stds = ([one] if isinstance(one, int | float) else one for one in (means, stds))
        scale = [rescale / std for std in stds]
        shift = [-mean / std for mean, std in zip(means, stds, strict=True)]
        same = len(set(scale)) == len(set(shift)) == 1
        settings = {"scale": scale[0], "shift": shift[0]} if same else {
            "scale": scale, "shift": shift}  # fmt: skip
    return settings | _fit_of(document)


def _fit_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Read the size, what is cut off, and the filter."""
    size, edge = _sides(document.get("size")), None
    fit = "stretch"
    if document.get("do_center_crop") and "crop_size" in document:
        edge, size, fit = min(size) if size else None, _sides(document["crop_size"]), "crop"
    found: dict[str, Any] = {"size": size, "fit": fit} if size else {}
    if size and edge and edge > max(size):
        found["shortest_edge"] = edge
    if document.get("resample") in range(len(_FILTERS)):
        found["resample"] = _FILTERS[document["resample"]]
    return found


def _sides(size: Any) -> tuple[int, int] | None:
    """Read height and width: one number, {"shortest_edge"}, or {"height", "width"}."""
    if isinstance(size, Mapping):
        edge = size.get("shortest_edge")
        size = [size.get("height", edge), size.get("width", edge)]
    sides = [size, size] if isinstance(size, int) else size
    return (int(sides[0]), int(sides[1])) if sides and all(sides) else None


_FILTERS: Final = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Pillow's numbers, as Hugging Face writes them."""


def stands_out(
    colours: str, share_of: Callable[[Mapping[str, Any]], Sequence[float]], samples: Sequence[str]
) -> tuple[str, str]:
    """Try the scalings on labelled samples.

    Args:
        colours: of the model's pictures.
        share_of: asks the model with these settings of [picture] how probable the expected label of
            each sample is.
        samples: their names.

    Returns:
        The name of the scaling that stands out, and the reason.

    Raises:
        BakeError: none does; the message has the table.
    """
    shares = {name: share_of(one) for name, one in scalings_for(colours).items()}
    means = {name: sum(some) / len(some) for name, some in shares.items()}
    best, second, *_ = sorted(means, key=lambda name: -means[name])
    if means[best] - means[second] >= STANDS_OUT:
        return best, (
            f"of {len(means)} scalings it makes {samples[0]} {means[best]:.2f} sure; "
            f"next is {second}: {means[second]:.2f}"
        )
    raise BakeError(
        f"its pixels: none of {len(means)} scalings stands out on {', '.join(samples[:5])}\n"
        f"{table_of(shares)}",
        f"{ASK}, or show another labelled sample",
    )


def table_of(shares: Mapping[str, Sequence[float]]) -> str:
    """Write how probable each sample's expected label is under each scaling."""
    lines = [
        f"  --pixels={name:<9} " + "  ".join(f"{share:.3f}" for share in some)
        for name, some in shares.items()
    ]
    return "\n".join(lines)


ASK: Final = (
    "Say how the pixels were scaled when it learnt: --pixels=0..1 (x / 255), --pixels=-1..1, "
    "--pixels=0..255 (as they are), --pixels=imagenet or caffe (means and deviations), "
    "--like preprocessor_config.json, or let a labelled picture tell: --sample FILE=LABEL"
)
