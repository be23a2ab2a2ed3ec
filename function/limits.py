"""What AWS carries at the most, whatever the settings say."""

from __future__ import annotations

from typing import Final

MEBIBYTE: Final = 1024 * 1024

MAX_EVENT_BYTES: Final = 6 * MEBIBYTE
"""The most bytes of an event that waits for its answer; others may have less."""

MAX_REPLY_BYTES: Final = 6 * MEBIBYTE
"""
The most bytes of a whole reply, as JSON. Beyond 6,291,556 the Runtime API answers 413, and
awslambdaric ends the process (docs/contract.md 3.2, R5).
"""

MAX_ALB_REPLY_BYTES: Final = 1_000_000
"""A load balancer makes a 502 of more than 1 MB."""

MAX_MESSAGE_BYTES: Final = MEBIBYTE
"""Source: SQS, message quotas, since August 2025."""
