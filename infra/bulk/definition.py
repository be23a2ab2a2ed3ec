"""The state machine's definition: infra/aws/bulk.asl.json, with the function's ARN put in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PATH: Final = Path(__file__).parents[1] / "aws" / "bulk.asl.json"
PLACE_OF_THE_FUNCTION: Final = "${function_arn}"
"""As Terraform's templatefile spells it."""


def definition_of(function_arn: str) -> str:
    """Give the definition of the state machine that invokes a function."""
    return PATH.read_text(encoding="utf-8").replace(PLACE_OF_THE_FUNCTION, function_arn)


def machine_name_of(function_name: str) -> str:
    """Name a function's state machine."""
    return f"{function_name}-bulk"
