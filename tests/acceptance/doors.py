"""The five doors, by which a running local Lambda is asked, each through its front."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from infra.local.server import LocalLambda
from infra.settings.function import FunctionConfig
from tests import ROOT
from tests.function.doors.queues import record as message
from tests.function.objects.buckets import event, put, read
from tests.infra.cloud.clouds import bucket, client_of, moto_server

Payload = dict[str, Any]
Predictions = list[dict[str, Any]]

_PATIENCE_S: Final = 120.0


@dataclass(frozen=True)
class Doors:
    """A local Lambda, with a queue and buckets beside it."""

    local: LocalLambda
    s3: Any
    sqs: Any
    results: str
    """The address of the queue of results."""

    def by_http(self, model: str, payload: Payload) -> Predictions:
        """Post a payload."""
        url = f"{self.local.url}/models/{model}/predict"
        reply = httpx.post(url, json=payload, timeout=_PATIENCE_S)
        assert reply.status_code == 200, reply.text
        return predictions_in(reply.json())

    def by_invoke(self, model: str, payload: Payload) -> Predictions:
        """Invoke directly."""
        return predictions_in(self._invoke({"model": model, **payload}))

    def by_queue(self, model: str, payload: Payload) -> Predictions:
        """Deliver a message, and receive its result."""
        body = {"model": model, **payload}
        assert self._invoke(event(message("1", body))) == {"batchItemFailures": []}
        reply = self.sqs.receive_message(QueueUrl=self.results)
        (result,) = reply["Messages"]
        self.sqs.delete_message(QueueUrl=self.results, ReceiptHandle=result["ReceiptHandle"])
        return predictions_in(json.loads(result["Body"]))

    def by_map(self, model: str, payload: Payload) -> Predictions:
        """Send the payload as an item of a state machine's map."""
        (result,) = self._invoke({"Items": [{"model": model, **payload}]})["results"]
        return predictions_in(result)

    def by_bucket(self, model: str, payload: Payload) -> Predictions:
        """Put an object of lines into a bucket, and read the result beside it."""
        name, key = bucket(self.s3), f"{model}/{uuid.uuid4().hex}.jsonl"
        lines = "\n".join(map(json.dumps, lines_of(payload)))
        self._invoke(event(put(self.s3, name, f"in/{key}", lines.encode())))
        found = read(self.s3, name, f"out/{key}.jsonl")
        assert [one.pop("line") for one in found] == [*range(1, len(found) + 1)]
        return list(found)

    def _invoke(self, payload: Any) -> Any:
        reply = httpx.post(
            f"{self.local.invoke_url}/2015-03-31/functions/lambake/invocations",
            json=payload,
            timeout=_PATIENCE_S,
        )
        assert "x-amz-function-error" not in reply.headers, reply.text
        return reply.json()


DOORS: Final[dict[str, Callable[[Doors, str, Payload], Predictions]]] = {
    "HTTP": Doors.by_http,
    "invoke": Doors.by_invoke,
    "queue": Doors.by_queue,
    "map": Doors.by_map,
    "bucket": Doors.by_bucket,
}


def lines_of(payload: Payload) -> list[Payload]:
    """Spell a payload as lines of an object, one an instance."""
    ((key, values),) = payload.items()
    if key != "inputs":
        return [{key.removesuffix("s"): value} for value in values]
    counts = {len(value) for value in values.values()}
    split = range(counts.pop()) if len(counts) == 1 else ()
    lines = [{name: value[at : at + 1] for name, value in values.items()} for at in split]
    return [{"inputs": line} for line in lines or [values]]


def predictions_in(answer: Any) -> Predictions:
    """Return the predictions of an answer, which must be no error."""
    assert "predictions" in answer, answer
    found: Predictions = answer["predictions"]
    return found


@contextmanager
def doors_of(zoo: Path) -> Iterator[Doors]:
    """Start the function on a zoo, as `lambake run` does."""
    with moto_server() as cloud:
        s3, sqs = client_of("s3", cloud), client_of("sqs", cloud)
        queue = sqs.create_queue(QueueName="results")["QueueUrl"]
        environment = {
            "AWS_ENDPOINT_URL": cloud,
            "LAMBAKE_ZOO": str(zoo),
            "LAMBAKE_RESULTS_QUEUE": queue,
        }
        config = FunctionConfig(
            name="lambake", handler="function.entry.handler", root=ROOT, timeout_s=60,
            memory_mb=3008, environment=environment,
        )  # fmt: skip
        with LocalLambda(config) as local:
            yield Doors(local, s3, sqs, queue)
