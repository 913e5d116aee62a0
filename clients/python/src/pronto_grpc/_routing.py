# SPDX-License-Identifier: Apache-2.0
"""What both kinds of clients do to send calls and streams over different connections."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic

from pronto_grpc._pool import Channel, Pool


class Routing(Generic[Channel]):
    """Streams of answers go over the connections of a pool, all else over one that is its own.

    On one connection, streams that stay open would make calls wait without a word.
    """

    def __init__(self, calls: Channel, pool: Pool[Channel]) -> None:
        self._calls: Any = calls
        self._pool = pool

    @abstractmethod
    def _begin(self, start: Callable[[Channel], Any]) -> Any:
        """Start a stream over a connection on which it has a place."""

    def unary_unary(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that answers once."""
        return self._calls.unary_unary(*method, **more)

    def unary_stream(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that answers with a stream."""

        def begin(*request: Any, **options: Any) -> Any:
            def start(channel: Any) -> Any:
                return channel.unary_stream(*method, **more)(*request, **options)

            return self._begin(start)

        return begin

    def stream_unary(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that takes a stream."""
        return self._calls.stream_unary(*method, **more)

    def stream_stream(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that takes a stream and answers with one."""
        return self._calls.stream_stream(*method, **more)
