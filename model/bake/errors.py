"""Why a model cannot be baked, and what to do instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FLAG: Final = re.compile(
    r"--([a-z]+)(?:[= ](-?[0-9A-Z][\w.=-]*|a,b,c|recipe\.py|preprocessor_config\.json|(?:classify|"
    r"regress|embed|tensors|image|row|text|crop|stretch|bgr|rgb|imagenet|caffe)\b))?"
)


class BakeError(Exception):
    """A model that cannot be baked: what is wrong, and what to do instead."""

    def __init__(self, what: str, do: str = "") -> None:
        """Join both into one message.

        Args:
            what: one sentence: what is wrong, with names and the cause in full.
            do: one sentence or command: what to do instead.
        """
        super().__init__(f"{what}\n{do}" if do else what)
        self.what = what
        self.do = do


class Question(BakeError):
    """What no file says and a person must; the rest is tried, to ask for everything at once."""


def asking_all(questions: Sequence[Question]) -> BakeError:
    """Return one error that asks all of it."""
    if len(questions) == 1:
        return questions[0]
    told = "".join(f"\n- {one.what}\n  {one.do}" for one in questions)
    return BakeError(f"{len(questions)} things must be said:{told}", "Say all in one command.")


def require_file(flag: str, path: Path) -> Path:
    """Return the path of a flag's file.

    Raises:
        BakeError: there is none.
    """
    if path.is_dir():
        raise BakeError(f"{flag}: expected a file, got the folder {path}")
    if not path.exists():
        raise BakeError(f"{flag}: no such file: {path}")
    return path


def as_keywords(text: str) -> str:
    """Write the flags in a text as Python's keywords: --version 2 is version="2"."""

    def keyword(found: re.Match[str]) -> str:
        name, value = found.groups()
        if name == "sample":
            answers = "answers=[…] or " if value == "FILE=ANSWER" else ""
            return f'{answers}samples=["{value}"]' if value else "samples"
        if name == "replace":
            return "replace=True"
        return f'{name}="{value}"' if value else name

    return _FLAG.sub(keyword, text)
