"""Why a model cannot be baked, and what to do instead."""

from __future__ import annotations


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
