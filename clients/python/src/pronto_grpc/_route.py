# SPDX-License-Identifier: Apache-2.0
"""Where the stubs call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from pronto_grpc._routing import Routing
from pronto_grpc._share import Share
from pronto_grpc._stream import Stream


class Route(Routing[grpc.Channel], grpc.Channel):
    """What the stubs have for a channel."""

    def _begin(self, start: Callable[[grpc.Channel], Any]) -> Any:
        share = Share(self._pool)
        stream = Stream(share, start(share.channel))
        if self._pool.is_shut():
            # By a signal handler, maybe while a connection was opened: then nobody closed that.
            share.close()
        return stream

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
