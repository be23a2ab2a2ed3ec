"""Clients of AWS services: the only module of `function` that imports the SDK, on first use."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def aws_client(service: str) -> Any:
    """Return the client of an AWS service, made once; it is the same class that boto3 returns.

    Args:
        service: boto3's name for it, such as "s3" or "sqs".
    """
    # botocore alone: boto3's resources and transfers would take a third more time to import.
    from botocore.config import Config
    from botocore.session import get_session

    # Short enough that a second attempt fits before most functions' deadline.
    config = Config(
        connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return get_session().create_client(service, config=config)
