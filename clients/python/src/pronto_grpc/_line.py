# SPDX-License-Identifier: Apache-2.0
"""The connection that a job is followed over."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from pronto_grpc.v1 import JobServiceStub


class Line:
    """The client's channel, and after a silence one of its own.

    A connection that died without a word looks alive: what is called over it again would be
    lost in it, too.
    """

    def __init__(self, shared: JobServiceStub, open_channel: Callable[[], grpc.Channel]) -> None:
        self.jobs = shared
        self._open = open_channel
        self._own: grpc.Channel | None = None

    def renew(self) -> None:
        """Go on over a new connection. The client's other calls keep theirs."""
        self.close()
        self._own = self._open()
        self.jobs = JobServiceStub(self._own)

    def close(self) -> None:
        """Close its own channel."""
        own, self._own = self._own, None
        if own is not None:
            own.close()
