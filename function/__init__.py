"""Events and HTTP: each event becomes one call of the model, and its answer the reply."""

from typing import Final

VERSION: Final = "0.1.0"
"""Of the whole of Lambake; pyproject.toml has the same."""
