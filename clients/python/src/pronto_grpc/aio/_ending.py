# SPDX-License-Identifier: Apache-2.0
"""The end of a client, and of what is under way in it.

grpc.aio cancels the calls of a channel that is closed. Who waits for one would see the
`CancelledError` of a task that somebody cancels, although nobody did, and a TaskGroup would pass
it over. So what waits for a call waits for the end of the client, too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from typing import TypeVar

from pronto_grpc._closing import client_closed
from pronto_grpc.aio import _pause

T = TypeVar("T")


class Ending:
    """An end that may come at any time, and wakes up whoever waits for something else."""

    def __init__(self) -> None:
        self._ended = False
        # Made where it is needed first: only there an event loop runs for sure.
        self._waits: asyncio.Future[None] | None = None
        self._under_way = 0
        self._left = asyncio.Event()

    def is_set(self) -> bool:
        """Whether the end came."""
        return self._ended

    def set(self) -> None:
        """End it."""
        self._ended = True
        if self._waits is not None and not self._waits.done():
            self._waits.set_result(None)

    def future(self) -> asyncio.Future[None]:
        """Return what is done when the end came."""
        if self._waits is None:
            self._waits = asyncio.get_running_loop().create_future()
            if self._ended:
                self._waits.set_result(None)
        return self._waits

    async def pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until the end."""
        with self._counted():
            await asyncio.wait({self.future()}, timeout=seconds)

    async def answer(self, waiting: Awaitable[T]) -> T:
        """Wait for what a call brings; raise when the client is closed before."""
        answer = asyncio.ensure_future(waiting)
        with self._counted():
            came = await _pause.done_within(answer, None, self.future())
        if came and not (self._ended and answer.cancelled()):
            return answer.result()
        raise client_closed(None)

    async def all_left(self) -> None:
        """Wait until all who wait have seen the end."""
        # Calls that began a moment ago are not under way before the loop ran them.
        await asyncio.sleep(0)
        while self._under_way:
            self._left.clear()
            await self._left.wait()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._left.set()
