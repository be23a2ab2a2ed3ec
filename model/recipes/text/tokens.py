"""A tokenizer.json: from texts to token ids.

Source: the file's form is that of Hugging Face's `tokenizers` library, which reads it here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.bundle.table import NAME
from model.errors import ArtefactError
from model.recipes.base import Feeds, name_key
from model.tensors import Tensor

if TYPE_CHECKING:
    from model.bundle.table import Table

DEFAULT_MAX_TOKENS: Final = 512
"""The longest text of BERT and most of its kind; a longer one fails in the network."""

INSTALL: Final = ".venv/bin/python -m pip install --no-deps -r function/requirements-tokenizers.txt"

_SHA256: Final = re.compile("[0-9a-f]{64}")

Read = Callable[[Any], list[int]]

PARTS: Final[Mapping[str, tuple[Read, tuple[str, ...]]]] = {
    "input_ids": (lambda one: one.ids, ("inputids", "ids", "tokens", "inputwordids")),
    "attention_mask": (lambda one: one.attention_mask, ("attentionmask", "inputmask", "mask")),
    "token_type_ids": (lambda one: one.type_ids, ("tokentypeids", "inputtypeids", "segmentids")),
    "position_ids": (lambda one: list(range(len(one.ids))), ("positionids",)),
}
"""What a network may ask of a text: how it is read off an encoding, and the names it goes by."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Texts to [N, T] token ids, masks and types, padded to one length.

    Attributes:
        tokenizer: the library's, with its truncation set.
        parts: each input with what it is.
        padding: the arguments of the library's `Encoding.pad`.
        length: of every text; 0: the longest one of a request.
    """

    tokenizer: Any
    parts: tuple[tuple[Tensor, str], ...]
    padding: Mapping[str, Any]
    length: int

    def tensors(self, texts: Sequence[str]) -> Feeds:
        """Make the arrays of N texts: [N, T] each, T the longest of them or the fixed length."""
        # One by one: `encode_batch` starts threads, which do not survive a snapshot.
        encodings = [self.tokenizer.encode(text) for text in texts]
        length = self.length or max(map(len, encodings), default=0)
        for one in encodings:
            one.pad(length, **self.padding)
        return {
            tensor.name: np.array([PARTS[part][0](one) for one in encodings], tensor.dtype)
            for tensor, part in self.parts
        }


def read_tokens(settings: Table, inputs: Sequence[Tensor]) -> Tokens | None:
    """Open the tokenizer that a manifest names.

    Args:
        settings: the table [text]; errors are noted there, and make None.
        inputs: the tensors to make.
    """
    before = len(settings.problems)
    parts = _parts_of(settings, inputs)
    lengths = {one.shape[1] for one in inputs if len(one.shape) == 2} - {-1}
    fixed = lengths.pop() if len(lengths) == 1 else 0
    most = settings.integer("max_length", default=0)
    padding = settings.choice("padding", ("longest", "max_length"), default="longest")
    if fixed and most not in (0, fixed):
        settings.note("max_length", f"{fixed}, as the inputs have it", most)
    tokenizer = _opened(settings)
    if tokenizer is None or len(settings.problems) > before:
        return None
    own = (tokenizer.truncation or {}).get("max_length")
    length = fixed or most or own or DEFAULT_MAX_TOKENS
    tokenizer.enable_truncation(**{**(tokenizer.truncation or {}), "max_length": length})
    own_padding = _padding_of(tokenizer)
    tokenizer.no_padding()
    padded = length if fixed or padding == "max_length" else 0
    return Tokens(tokenizer, tuple(parts), own_padding, padded)


def _padding_of(tokenizer: Any) -> dict[str, Any]:
    """Return the file's own padding, or one with the vocabulary's own padding token."""
    if tokenizer.padding:
        keys = ("direction", "pad_id", "pad_type_id", "pad_token")
        return {key: tokenizer.padding[key] for key in keys}
    for token in ("[PAD]", "<pad>", "<|endoftext|>"):
        number = tokenizer.token_to_id(token)
        if number is not None:
            return {"pad_id": number, "pad_token": token}
    return {}


def _parts_of(settings: Table, inputs: Sequence[Tensor]) -> list[tuple[Tensor, str]]:
    """Tell what each input is: by the setting that names it, or by its own name."""
    named = {settings.text(part, default=""): part for part in PARTS}
    parts = []
    for one in inputs:
        part = named.pop(one.name, None) or _part_named(one.name)
        if one.dtype not in ("int64", "int32") or len(one.shape) != 2:
            settings.note("tokenizer", "inputs of int64 or int32, [-1, -1]", f"{one.name}: {one}")
        elif part is None:
            settings.note("input_ids", f"{', '.join(PARTS)} = {one.name!r}", "none of these")
        else:
            parts.append((one, part))
    for name, part in named.items():
        if name and inputs:
            settings.note(part, f"one of {', '.join(one.name for one in inputs)}", repr(name))
    return parts


def _part_named(name: str) -> str | None:
    """Tell what an input is by its name, with or without what exporters put around it."""
    key = name_key(name)
    found = [part for part, (_, keys) in PARTS.items() if key in keys]
    within = [part for part, (_, keys) in PARTS.items() if keys[0] in key]
    return next(iter(found or within), None)


def _opened(settings: Table) -> Any:
    """Read the file, compare its hash, and open it; None if that was noted to have failed.

    Raises:
        ArtefactError: the library cannot read the file.
    """
    name = settings.text("tokenizer", pattern=NAME)
    digest = settings.text("sha256", pattern=_SHA256)
    if not name or not digest:
        return None
    try:
        content = (settings.folder / name).read_bytes()
    except OSError as exc:
        settings.note("tokenizer", f"a file {name!r} beside the manifest", exc.strerror)
        return None
    got = hashlib.sha256(content).hexdigest()
    if got != digest:
        settings.note("sha256", f"that of {name}", got)
        return None
    try:
        # Imported late: only models of tokens need it.
        from tokenizers import Tokenizer
    except ImportError as exc:
        settings.note("tokenizer", "the package tokenizers", f"none installed ({exc}): {INSTALL}")
        return None
    try:
        return Tokenizer.from_str(content.decode())
    except Exception as exc:  # the library raises nothing more precise
        raise ArtefactError(settings.folder / name, expected="a tokenizer.json", got=exc) from exc
