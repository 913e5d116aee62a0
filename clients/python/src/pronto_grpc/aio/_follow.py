# SPDX-License-Identifier: Apache-2.0
"""Follows a job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from pronto_grpc._credentials import CallMetadata
from pronto_grpc._following import Following, Left
from pronto_grpc.aio import _pause
from pronto_grpc.aio._ending import Ending
from pronto_grpc.aio._share import Share
from pronto_grpc.errors import ProntoError
from pronto_grpc.v1 import GetJobRequest, JobCompleted, JobEvent

T = TypeVar("T")


class Follow(AsyncIterator[JobEvent]):
    """The events of a job, each one once and none left out, however often the stream breaks.

    Iterate over it. Leave early with `break` and `close()`, or use it in an `async with`; a job
    does not mind. Any task may `close()` it: then the iteration is over. Where somebody closes
    the client, it raises `ProntoError` with CANCELLED, since it is not known what would have
    come. After an error it raises the same one again. To cancel a task that waits for an event
    ends the call under way, and who iterates again goes on behind the last event: so a wait may
    have a timeout of its own.
    """

    def __init__(
        self,
        share: Share,
        following: Following,
        *,
        metadata: CallMetadata = (),
        pause: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._share = share
        self._following = following
        self._metadata = tuple(metadata)
        self._closed = Ending()
        # Whether it was the client that was closed.
        self._with_client = False
        # What the iteration ended with.
        self._error: Exception | None = None
        # A wait that `close` ends.
        self._pause = pause or self._closed.pause
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

        Where the iteration began behind `completed`, it is known after its end. It stays when the
        iteration fails behind `completed`: late results may come there, so that is an error. Who
        wants none of them leaves at `completed`.
        """
        return self._following.account

    def __aiter__(self) -> Follow:
        return self

    async def __anext__(self) -> JobEvent:
        if self._error is not None:
            raise self._error
        try:
            event = await self._next()
        except Left:
            event = None
        except Exception as error:
            # Nothing comes after an error, and nothing goes on behind the caller's back.
            self._error = error
            await self.close()
            raise
        except BaseException:
            # The task was cancelled, and not the iteration: it may go on.
            self._leave()
            self._following.patience.rest()
            await self._share.close()
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

    def end_with_client(self) -> None:
        """Stop following since the client is closed, which the iteration tells."""
        if not self._closed.is_set():
            self._with_client = True
            self._closed.set()
            self._leave()

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
                self._check_closed()
                if self._following.ends(error):
                    return None
                self._leave()
                await self._pause(self._following.failed(error))
            else:
                if self._following.received(event):
                    return event

    async def _receive(self) -> JobEvent | None:
        if self._call is None:
            request = self._following.request()
            self._call = self._share.jobs.WatchJob(request, metadata=self._metadata)
            return await self._guarded(lambda: self._open(self._call))
        return await self._guarded(lambda: _read(self._call))

    async def _open(self, stream: Any) -> JobEvent | None:
        # Waits for the headers.
        await stream.initial_metadata()
        self._following.patience.opened()
        return await _read(stream)

    async def _has_ended(self) -> bool:
        if self._following.account is not None:
            return True
        self._following.patience.broke()
        question = GetJobRequest(job_id=self.job_id)
        self._call = self._share.jobs.GetJob(question, metadata=self._metadata)
        answer = await self._guarded(lambda: _answer(self._call))
        return self._following.ended(answer.job)

    async def _guarded(self, wait: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for the server, for as long as silence is believed in."""
        seconds = self._following.within_timeout(self._following.limits.idle)
        answer = asyncio.ensure_future(wait())
        came = await _pause.done_within(answer, seconds, self._closed.future())
        self._check_closed()
        if came and answer.cancelled():
            raise self._following.cut_short()
        if came:
            return answer.result()
        # The caller's own time may be what is over.
        self._following.within_timeout(seconds)
        await self._share.leave()
        raise self._following.silent()

    def _check_closed(self) -> None:
        if self._closed.is_set():
            raise self._following.closed() if self._with_client else Left


async def _read(stream: Any) -> JobEvent | None:
    return await anext(aiter(stream), None)


async def _answer(call: Any) -> Any:
    return await call
