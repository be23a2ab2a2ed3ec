"""What every patch of moto has in common: moto needs it, and is itself again afterwards."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.awslambda import urls
from moto.awslambda.models import LambdaFunction, LambdaStorage
from moto.sqs.models import Queue, SQSBackend

from infra.cloud.concurrency import concurrency_limited
from infra.cloud.gaps import gaps_filled
from infra.cloud.image_digests import images_resolved
from infra.cloud.queues import queues_locked
from infra.cloud.versions import versions_frozen
from tests.infra.cloud.clouds import client_of

PATCHES = [
    (concurrency_limited, lambda: dict(urls.url_paths)),
    (gaps_filled, lambda: Queue.attributes),
    (images_resolved, lambda: LambdaFunction.get_code),
    (versions_frozen, lambda: LambdaStorage.publish_version),
    *(
        (queues_locked, lambda name=name: getattr(SQSBackend, name))
        for name in ("send_message", "delete_message", "receive_message")
    ),
]


@pytest.mark.parametrize(("patch", "part"), PATCHES)
def test_moto_is_itself_again(patch: type[AbstractContextManager[None]], part: Any) -> None:
    """Afterwards nothing is left of it."""
    before = part()
    with patch():
        assert part() != before
    assert part() == before


MISSING = [
    ("stepfunctions", "validate_state_machine_definition", {"definition": "{}"}),
    ("lambda", "get_account_settings", {}),
]


@pytest.mark.parametrize(("service", "operation", "asked"), MISSING)
def test_moto_alone_does_not_answer(
    endpoint: str, service: str, operation: str, asked: dict[str, str]
) -> None:
    """Should moto learn one of them, it can go from here."""
    with pytest.raises(ClientError):
        getattr(client_of(service, endpoint), operation)(**asked)
