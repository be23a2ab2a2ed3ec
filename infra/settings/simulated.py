"""What a client needs to know about a simulated cloud (infra/cloud) besides its address."""

from __future__ import annotations

from typing import Final

CA_PATH: Final = "/moto-api/ca.pem"
"""The path, over plain HTTP, of the certificate of its authority."""

REGION: Final = "us-east-1"
"""The region of clients that have none: a simulated cloud has all of them."""

CREDENTIALS: Final = {
    "aws_access_key_id": "simulated",
    "aws_secret_access_key": "simulated",
}
"""It accepts any, so that the user needs none."""
