# SPDX-License-Identifier: Apache-2.0
"""Follows a job."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from pronto_grpc._following import Following
from pronto_grpc.aio import _pause
from pronto_grpc.aio._share import Share
from pronto_grpc.errors import ProntoError
from pronto_grpc.v1 import GetJobRequest, JobCompleted, JobEvent

T = TypeVar("T")


class Follow(AsyncIterator[JobEvent]):
    """The events of a job, each one once and none left out, however often the stream breaks.

    Iterate over it. Leave early with `break` and `close()`, or use it in an `async with`; a job
    does not mind. Cancelling the task that iterates ends it, too. To close it, or the client, in
    another task raises `asyncio.CancelledError` in the one that waits for an event.
    """

    def __init__(
        self,
        share: Share,
        following: Following,
        *,
        pause: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._share = share
        self._following = following
        self._closed = asyncio.Event()
        # A wait that `close` ends.
        self._pause = pause or functools.partial(_pause.pause, self._closed)
        # The stream, or after its end the question for the job: what leaving cancels.
        self._call: Any = None

    @property
    def job_id(self) -> str:
        """The job."""
        return self._following.job_id

    @property
    def last_sequence(self) -> int:
        """The sequence of the last event handed out: where to continue another time."""
        return self._following.last_sequence

    @property
    def account(self) -> JobCompleted | None:
        """How the job ended, and what arrived; None before `completed` came.

        Where the iteration began behind `completed`, it is known after its end.
        """
        return self._following.account

    def __aiter__(self) -> Follow:
        return self

    async def __anext__(self) -> JobEvent:
        if self._closed.is_set():
            raise StopAsyncIteration
        try:
            event = await self._next()
        except BaseException:
            # Nothing comes after an error, and nothing goes on behind the caller's back.
            await self.close()
            raise
        if event is None:
            await self.close()
            raise StopAsyncIteration
        return event

    async def close(self) -> None:
        """Stop following. The job goes on."""
        self._closed.set()
        self._leave()
        await self._share.close()

    async def __aenter__(self) -> Follow:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        # An iteration that was left without `close`.
        if hasattr(self, "_call"):
            self._leave()

    def _leave(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    async def _next(self) -> JobEvent | None:
        """Return the next event, and None at the end."""
        while True:
            self._check_closed()
            try:
                event = await self._receive()
                if event is None:
                    if await self._has_ended():
                        return None
                    raise self._following.cut_short()
            except ProntoError as error:
                if self._following.ends(error):
                    return None
                self._leave()
                await self._pause(self._following.failed(error))
            else:
                if self._following.received(event):
                    return event

    async def _receive(self) -> JobEvent | None:
        if self._call is None:
            self._call = self._share.jobs.WatchJob(self._following.request())
        return await self._guarded(lambda: _read(self._call))

    async def _has_ended(self) -> bool:
        if self._following.account is not None:
            return True
        self._call = self._share.jobs.GetJob(GetJobRequest(job_id=self.job_id))
        answer = await self._guarded(lambda: _answer(self._call))
        return self._following.ended(answer.job)

    async def _guarded(self, wait: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for the server, for as long as silence is believed in."""
        seconds = self._following.within_timeout(self._following.limits.idle)
        answer = asyncio.ensure_future(wait())
        if await _pause.done_within(answer, seconds):
            return answer.result()
        # The caller's own time may be what is over.
        self._following.within_timeout(seconds)
        await self._share.leave()
        raise self._following.silent()

    def _check_closed(self) -> None:
        if self._closed.is_set():
            # As gRPC does it to who waits for a call that somebody else cancels.
            raise asyncio.CancelledError(f"the stream of job {self.job_id} was closed")


async def _read(stream: Any) -> JobEvent | None:
    return await anext(aiter(stream), None)


async def _answer(call: Any) -> Any:
    return await call
