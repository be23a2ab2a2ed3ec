"""Draw pictures as people send them, out of real digits: a test corpus with labels.

Each kind is a small function, a digit and a source of chance in, the bytes of a picture file out:
sent_files.py has what is hard in the file, sent_photos.py what is hard in the light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.model.pictures import sent_files, sent_photos
from tests.model.recipes.digit.pens import Digit, Random

KINDS: dict[str, Callable[[Digit, Random], bytes]] = {
    draw.__name__: draw for draw in (*sent_files.KINDS, *sent_photos.KINDS)
}


@dataclass(frozen=True)
class Sent:
    """A picture that somebody sent: what kind, which digit it shows, and its bytes."""

    kind: str
    label: int
    data: bytes


def corpus(
    digits: NDArray[np.uint8], labels: NDArray[np.int64], *, each: int, seed: int
) -> Iterator[Sent]:
    """Draw `each` pictures of every kind, from digits chosen at random.

    Args:
        digits: uint8[N, 28, 28], ink 255 on paper 0.
        labels: int64[N].
        each: how many pictures of a kind.
        seed: the same seed draws the same bytes.
    """
    for position, (name, draw) in enumerate(KINDS.items()):
        random = np.random.default_rng((seed, position))
        for index in random.choice(len(digits), each, replace=each > len(digits)):
            yield Sent(name, int(labels[index]), draw(digits[index], random))
