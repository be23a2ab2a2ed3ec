"""Clients of AWS's services: the one place of `function` that imports its SDK, and late."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def aws_client(service: str) -> Any:
    """
    Make the client of an AWS service, once: the same that boto3 hands out.

    Args:
        service: as boto3 calls it, such as "s3" or "sqs".
    """
    # botocore alone: boto3 adds resources and transfers, which take a third more time to import.
    from botocore.config import Config
    from botocore.session import get_session

    # Short enough for a second try before most functions' deadline.
    config = Config(
        connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return get_session().create_client(service, config=config)
