"""What a client has to know of a simulated cloud (infra/cloud) beside its address."""

from __future__ import annotations

from typing import Final

CA_PATH: Final = "/moto-api/ca.pem"
"""Where it tells, by plain HTTP, which authority to trust."""

REGION: Final = "us-east-1"
"""Where a client goes that knows no region: a simulated cloud has all of them."""

CREDENTIALS: Final = {
    "aws_access_key_id": "simulated",
    "aws_secret_access_key": "simulated",
}
"""It takes any, so that none need be there."""
