# SPDX-License-Identifier: Apache-2.0
"""The connection that a job is followed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from grpc import aio

from pronto_grpc import v1

if TYPE_CHECKING:
    from pronto_grpc.v1.jobs_pb2_grpc import JobServiceAsyncStub


class Line:
    """The client's channel, and after a silence one of its own.

    A connection that died without a word looks alive: what is called over it again would be
    lost in it, too.
    """

    def __init__(
        self, shared: JobServiceAsyncStub, open_channel: Callable[[], aio.Channel]
    ) -> None:
        self.jobs = shared
        self._open = open_channel
        self._own: aio.Channel | None = None

    async def renew(self) -> None:
        """Go on over a new connection. The client's other calls keep theirs."""
        await self.close()
        self._own = self._open()
        self.jobs = v1.JobServiceStub(self._own)

    async def close(self) -> None:
        """Close its own channel."""
        own, self._own = self._own, None
        if own is not None:
            await own.close()
