# SPDX-License-Identifier: Apache-2.0
"""Where the stubs call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from grpc import aio

from pronto_grpc._pool import Pool
from pronto_grpc.aio._share import Share
from pronto_grpc.aio._stream import Stream


class Route(aio.Channel):
    """Streams of answers go over the connections of a pool, all else over one that is its own.

    On one connection, streams that stay open would make calls wait without a word.
    """

    def __init__(self, calls: aio.Channel, pool: Pool[aio.Channel]) -> None:
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

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return how the connection of calls is."""
        return self._calls.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the connection of calls is otherwise."""
        await self._calls.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait for the connection of calls."""
        await self._calls.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Close the connection of calls; those under way are cancelled."""
        await self._calls.close(grace)

    async def __aenter__(self) -> Route:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Begin:
    """Begins streams of one method, each with a place of its own."""

    def __init__(
        self, pool: Pool[aio.Channel], method: Callable[[aio.Channel], Callable[..., Any]]
    ) -> None:
        self._pool = pool
        self._method = method

    def __call__(self, *request: Any, **more: Any) -> Any:
        share = Share(self._pool)
        return Stream(share, self._method(share.channel)(*request, **more))
