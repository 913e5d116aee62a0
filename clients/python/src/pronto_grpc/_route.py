# SPDX-License-Identifier: Apache-2.0
"""Where the stubs call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from pronto_grpc._pool import Pool
from pronto_grpc._share import Share
from pronto_grpc._stream import Stream


class Route(grpc.Channel):
    """Streams of answers go over the connections of a pool, all else over one that is its own.

    On one connection, streams that stay open would make calls wait without a word.
    """

    def __init__(self, calls: grpc.Channel, pool: Pool[grpc.Channel]) -> None:
        self._calls = calls
        self._pool = pool

    def unary_unary(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that answers once."""
        return self._calls.unary_unary(*method, **more)

    def unary_stream(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that answers with a stream."""
        return _Begin(self._pool, lambda channel: channel.unary_stream(*method, **more))

    def stream_unary(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that takes a stream."""
        return self._calls.stream_unary(*method, **more)

    def stream_stream(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that takes a stream and answers with one."""
        return self._calls.stream_stream(*method, **more)

    def subscribe(self, callback: Callable[..., Any], try_to_connect: bool | None = False) -> None:
        """Tell `callback` how the connection of calls is, whenever that changes."""
        self._calls.subscribe(callback, try_to_connect=bool(try_to_connect))

    def unsubscribe(self, callback: Callable[..., Any]) -> None:
        """Tell `callback` no more."""
        self._calls.unsubscribe(callback)

    def close(self) -> None:
        """Close the connection of calls; those under way are cancelled."""
        self._calls.close()

    def __enter__(self) -> Route:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Begin:
    """Begins streams of one method, each with a place of its own."""

    def __init__(
        self, pool: Pool[grpc.Channel], method: Callable[[grpc.Channel], Callable[..., Any]]
    ) -> None:
        self._pool = pool
        self._method = method

    def __call__(self, *request: Any, **more: Any) -> Any:
        share = Share(self._pool)
        stream = Stream(share, self._method(share.channel)(*request, **more))
        if self._pool.is_shut():
            # By a signal handler, maybe while a connection was opened: then nobody closed that.
            share.close()
        return stream
