"""A function whose static code raises."""

from typing import Any

raise ValueError("static code")


def handler(_event: Any, _context: Any) -> Any:
    """Never run."""
