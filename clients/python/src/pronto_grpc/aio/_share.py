# SPDX-License-Identifier: Apache-2.0
"""What one follow or stream holds of the connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpc import aio

from pronto_grpc import v1
from pronto_grpc._pool import Line, Pool

if TYPE_CHECKING:
    from pronto_grpc.v1.jobs_pb2_grpc import JobServiceAsyncStub


class Share:
    """A place on a line of the pool, taken when it is needed."""

    def __init__(self, pool: Pool[aio.Channel]) -> None:
        self._pool = pool
        self._line: Line[aio.Channel] | None = None

    @property
    def channel(self) -> aio.Channel:
        """What calls are made over."""
        if self._line is None:
            self._line = self._pool.take(self)
        return self._line.channel

    @property
    def jobs(self) -> JobServiceAsyncStub:
        """What calls of a follow are made with."""
        return v1.JobServiceStub(self.channel)

    def vacate(self) -> None:
        """Make room for others, and leave the rest to `close`: that has to be waited for."""
        if self._line is not None:
            self._line.holders.discard(self)

    async def leave(self) -> None:
        """Go on over another line.

        A connection that died without a word looks alive: what is called over it again would be
        lost in it, too.
        """
        await self._give_back(silent=True)

    async def close(self) -> None:
        """Give the place back."""
        await self._give_back(silent=False)

    async def _give_back(self, *, silent: bool) -> None:
        line, self._line = self._line, None
        if line is not None:
            for channel in self._pool.give_back(line, self, silent=silent):
                await channel.close()
