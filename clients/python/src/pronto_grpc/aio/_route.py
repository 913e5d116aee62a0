# SPDX-License-Identifier: Apache-2.0
"""Where the stubs call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from grpc import aio

from pronto_grpc._routing import Routing
from pronto_grpc.aio._share import Share
from pronto_grpc.aio._stream import Stream


class Route(Routing[aio.Channel], aio.Channel):
    """What the stubs have for a channel."""

    def _begin(self, start: Callable[[aio.Channel], Any]) -> Any:
        share = Share(self._pool)
        return Stream(share, start(share.channel))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return how the connection of calls is."""
        state: grpc.ChannelConnectivity = self._calls.get_state(try_to_connect)
        return state

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
