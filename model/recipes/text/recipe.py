"""The recipe itself.

[text]
max_characters = 100000        the longest text
tokenizer = "tokenizer.json"   absent: the model's input is the texts themselves
sha256                         of that file
max_length = 512               tokens; absent: what the inputs or the file say; the rest is cut off
padding = "longest"            of a request; or max_length
input_ids = "ids"              also attention_mask, token_type_ids, position_ids: the names of
                               inputs that cannot be told by their names
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.elements import fault_of
from model.errors import MAX_PROBLEMS, InputError, Problem, kind_of
from model.recipes.base import Description, Feeds, Takes
from model.recipes.text.tokens import Tokens, read_tokens
from model.tensors import Tensor

if TYPE_CHECKING:
    from model.bundle.table import Table

DEFAULT_MAX_CHARACTERS: Final = 100_000
EXAMPLE: Final = "A short text."


@dataclass(frozen=True, slots=True)
class Strings:
    """Texts as they are: [N], [N, 1], or [N, K] where an instance is K texts."""

    tensor: Tensor

    @property
    def width(self) -> int:
        """How many texts an instance is."""
        return max(self.tensor.shape[1], 1) if len(self.tensor.shape) == 2 else 1

    def tensors(self, texts: Sequence[str]) -> Feeds:
        """Make the array of N times K texts."""
        shape = (-1, self.width) if len(self.tensor.shape) == 2 else (-1,)
        return {self.tensor.name: np.array(texts, dtype=object).reshape(shape)}


@dataclass(frozen=True, slots=True)
class Text:
    """The recipe for a model of texts."""

    source: Strings | Tokens
    max_characters: int
    takes: Takes = "text"

    def tensors(self, instances: Sequence[Any], *, max_pixels: int) -> Feeds:
        """Check the texts, and make strings or token ids of them.

        Raises:
            InputError: no text, a text that is too long, or another number of texts.
        """
        width = self._width
        problems: list[Problem] = []
        texts: list[Any] = []
        for index, instance in enumerate(instances):
            where = f"texts[{index}]"
            parts = [instance] if width == 1 else instance
            if width > 1 and not (isinstance(parts, list | tuple) and len(parts) == width):
                got = f"{len(parts)}" if isinstance(parts, list | tuple) else kind_of(parts)
                problems.append(Problem(where, f"a list of {width} texts", got))
            else:
                texts += parts
                problems += [
                    Problem(where if width == 1 else f"{where}[{part}]", self._expected, fault)
                    for part, text in enumerate(parts)
                    if (fault := self._fault_of(text))
                ]
            if len(problems) >= MAX_PROBLEMS:
                break
        if problems:
            raise InputError(problems)
        return self.source.tensors(texts)

    @property
    def _width(self) -> int:
        return self.source.width if isinstance(self.source, Strings) else 1

    @property
    def _expected(self) -> str:
        return f"a text of at most {self.max_characters} characters"

    def _fault_of(self, text: Any) -> str | None:
        return fault_of(text, "string") or (
            f"one of {len(text)}" if len(text) > self.max_characters else None
        )

    def describe(self) -> Description:
        """Describe a text."""
        one: dict[str, Any] = {"type": "string", "maxLength": self.max_characters}
        width = self._width
        some = {"type": "array", "items": one, "minItems": width, "maxItems": width}
        source = self.source
        if isinstance(source, Strings):
            dtype, axes = source.tensor.dtype, len(source.tensor.shape)
            made: tuple[Tensor, ...] = (Tensor(source.tensor.name, dtype, (-1, width)[:axes]),)
        else:
            made = tuple(tensor for tensor, _ in source.parts)
        return Description(
            takes=self.takes,
            subject="text",
            schema=some if width > 1 else one,
            example=[EXAMPLE] * width if width > 1 else EXAMPLE,
            tensors=made,
        )

    def features(self, feeds: Feeds) -> Feeds:
        """Return nothing: texts have no numbers of their own."""
        return {}


def load(settings: Table, inputs: tuple[Tensor, ...]) -> Text | None:
    """Read the settings, for inputs of texts or of tokens."""
    most = settings.integer("max_characters", default=DEFAULT_MAX_CHARACTERS)
    if "tokenizer" in settings.values:
        tokens = read_tokens(settings, inputs)
        return Text(tokens, most) if tokens else None
    if not inputs:
        return None
    one = inputs[0]
    if len(inputs) > 1 or one.dtype != "string" or len(one.shape) not in (1, 2):
        got = ", ".join(f"{one.name}: {one}" for one in inputs)
        expected = "one input of texts, string of shape [-1], [-1, 1] or [-1, K]; or a tokenizer"
        settings.problems.append(Problem("inputs", expected, got))
    return Text(Strings(one), most)
