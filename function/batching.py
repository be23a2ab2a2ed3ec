"""
Predict in threads, for a server that answers many at once; rows that wait, together.

While every thread is busy requests gather. A thread that comes free takes the first of them, and if
it is of rows all others for the same version: a hundred rows cost an engine little more than one,
and a thread's hand-over more than a row. Measured with 32 clients a row takes 0.6 to 0.7 of the
processor's time so, a picture 0.75 to 0.9, since its digit has to be found alone anyway; pictures
would also share their limit of pixels. So pictures are predicted by themselves.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from function.service import PredictRequest, PredictResponse, Service
from function.telemetry import CURRENT


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request, the context of who asks, and where the answer is waited for."""

    request: PredictRequest
    context: contextvars.Context
    answer: asyncio.Future[PredictResponse]


class Batching:
    """Threads that predict: as many as processors, for more would take turns; two at the least."""

    def __init__(self, service: Service, threads: int | None = None) -> None:
        self._service = service
        self._free = threads or max(2, len(os.sched_getaffinity(0)))
        self._threads = ThreadPoolExecutor(self._free, "predict")
        self._waiting: deque[Waiting] = deque()

    async def __call__(self, request: PredictRequest) -> PredictResponse:
        """
        Predict in a thread, as `Service.predict` does.
        """
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(request, contextvars.copy_context(), answer))
        self._start()
        response: PredictResponse = await answer
        return response

    def _start(self) -> None:
        while self._free and self._waiting:
            group = self._next_group()
            self._free -= 1
            loop = asyncio.get_running_loop()
            done = loop.run_in_executor(self._threads, self._answers_to, group)
            done.add_done_callback(partial(self._hand_out, group))

    def _next_group(self) -> list[Waiting]:
        """
        Take the first that waits, and who may come with it.
        """
        group = [self._waiting.popleft()]
        first = group[0].request
        manifest = self._service.manifest(first.model, first.version)
        if manifest.of_pictures:
            return group
        room = manifest.max_instances - len(first.instances)
        left: deque[Waiting] = deque()
        for one in self._waiting:
            asked = one.request
            alike = (asked.model, asked.version) == (first.model, first.version)
            if alike and len(asked.instances) <= room:
                room -= len(asked.instances)
                group.append(one)
            else:
                left.append(one)
        self._waiting = left
        return group

    def _answers_to(self, group: list[Waiting]) -> list[PredictResponse | BaseException]:
        if len(group) > 1:
            try:
                return [*self._together(group)]
            except Exception:  # noqa: BLE001, S110 -- each by itself, to learn whose it is
                pass
        return [self._alone(one) for one in group]

    def _together(self, group: list[Waiting]) -> list[PredictResponse]:
        instances = [instance for one in group for instance in one.request.instances]
        whole = self._service.predict(replace(group[0].request, instances=instances))
        predictions = iter(whole.predictions)
        answers = []
        for one in group:
            part = list(islice(predictions, len(one.request.instances)))
            answer = replace(whole, predictions=part)
            one.context.run(_record, answer)
            answers.append(answer)
        return answers

    def _alone(self, one: Waiting) -> PredictResponse | BaseException:
        try:
            return one.context.run(self._service.predict, one.request)
        except BaseException as error:  # noqa: BLE001 -- raised again, where it is waited for
            return error

    def _hand_out(
        self,
        group: list[Waiting],
        done: asyncio.Future[list[PredictResponse | BaseException]],
    ) -> None:
        self._free += 1
        for one, answer in zip(group, done.result(), strict=True):
            if one.answer.done():  # whoever asked was cancelled
                continue
            if isinstance(answer, BaseException):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)
        self._start()


def _record(answer: PredictResponse) -> None:
    """
    Note in one request's invocation its part of what was predicted together.
    """
    invocation = CURRENT.get()
    if invocation:
        invocation.model, invocation.version = answer.model, answer.version
        invocation.count = len(answer.predictions)
        invocation.record_predictions(answer.predictions, answer.steps_ms, {})
