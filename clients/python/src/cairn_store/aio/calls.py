"""Calls with retries, pages and jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from .. import _methods as methods
from .. import errors
from .._channel import UNARY_TIMEOUT
from .._methods import A, Method, Q
from .._proto import job_pb2, job_service_pb2
from .._retry import Retries
from . import io

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_PAGE = 200


async def retried(call: Callable[[], Awaitable[T]]) -> T:
    """Makes a call until it succeeds or a retry does not help."""
    retries = Retries()
    while True:
        try:
            return await call()
        except errors.CairnError as error:
            pause = retries.pause(error)
        await io.sleep(pause)


class Calls:
    """Makes calls that are safe to repeat: they change nothing, or have an idempotency key."""

    def __init__(self, transport: io.Transport) -> None:
        self.transport = transport

    async def unary(self, method: Method[Q, A], request: Q, timeout: float = UNARY_TIMEOUT) -> A:
        """One message each way, with retries."""

        async def call() -> A:
            return await self.transport.unary(method, request, timeout)

        return await retried(call)

    async def pages(self, method: Method[Q, A], request: Q, page_size: int = _PAGE) -> AsyncIterator[A]:
        """The pages of a list, each read when it is wanted."""
        page: Any = method.request()
        page.CopyFrom(request)
        page.page_size = page_size
        while True:
            answer: Any = await self.unary(method, page)
            yield answer
            if not answer.next_page_token:
                return
            page.page_token = answer.next_page_token

    async def wait_for(self, job: job_pb2.Job) -> job_pb2.Job:
        """Waits until a job has ended."""
        pause = _FIRST_PAUSE
        while not job.HasField("finished_at"):
            await io.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            request = job_service_pb2.GetJobRequest(job_id=job.job_id)
            job = (await self.unary(methods.GET_JOB, request)).job
        if job.state != job_pb2.JOB_STATE_SUCCEEDED:
            state = job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
            raise errors.CairnError(f"{job.job_id} {state}: {job.last_error}".rstrip(": "), details={"job_id": job.job_id})
        return job
