# SPDX-License-Identifier: Apache-2.0
"""What one follow or stream holds of the connections."""

from __future__ import annotations

import threading

import grpc

from pronto_grpc._pool import Line, Pool
from pronto_grpc.v1 import JobServiceStub


class Share:
    """A place on a line of the pool, taken when it is needed. Any thread may give it back."""

    def __init__(self, pool: Pool[grpc.Channel]) -> None:
        self._pool = pool
        self._line: Line[grpc.Channel] | None = None
        # As in the pool: it may be closed in the middle of something.
        self._lock = threading.RLock()

    @property
    def channel(self) -> grpc.Channel:
        """What calls are made over."""
        with self._lock:
            line = self._line
            if line is None:
                line = self._line = self._pool.take(self)
            # Not `_line`, which may be given back at this moment by this thread.
            return line.channel

    @property
    def jobs(self) -> JobServiceStub:
        """What calls of a follow are made with."""
        return JobServiceStub(self.channel)

    def vacate(self) -> None:
        """Make room for others, and leave the rest to `close`.

        In a thread of gRPC's, which must neither wait for a lock nor close a channel: whoever
        closes one waits for that thread.
        """
        line = self._line
        if line is not None:
            line.holders.discard(self)

    def leave(self) -> None:
        """Go on over another line.

        A connection that died without a word looks alive: what is called over it again would be
        lost in it, too.
        """
        self._give_back(silent=True)

    def close(self) -> None:
        """Give the place back."""
        self._give_back(silent=False)

    def _give_back(self, *, silent: bool) -> None:
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            for channel in self._pool.give_back(line, self, silent=silent):
                channel.close()
