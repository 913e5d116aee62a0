# SPDX-License-Identifier: Apache-2.0
"""A channel that can be called after its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc


class Channel(grpc.Channel):
    """A channel whose callables are made once per method, and never after `close`.

    An intercepted channel asks for a callable anew with each call, and grpcio crashes the
    interpreter when a closed channel makes one. A callable that was made before refuses the call
    with a ValueError, and so does this channel.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._callables: dict[object, Any] = {}
        self._closed = False
        # So that no callable is made while the channel closes.
        self._lock = threading.Lock()

    def unary_unary(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that answers once."""
        return self._callable(self._channel.unary_unary, method, more)

    def unary_stream(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that answers with a stream."""
        return self._callable(self._channel.unary_stream, method, more)

    def stream_unary(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that takes a stream."""
        return self._callable(self._channel.stream_unary, method, more)

    def stream_stream(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that takes a stream and answers with one."""
        return self._callable(self._channel.stream_stream, method, more)

    def subscribe(self, callback: Callable[..., Any], try_to_connect: bool | None = False) -> None:
        """Tell `callback` how the connection is, whenever that changes."""
        with self._lock:
            self._check_open()
            self._channel.subscribe(callback, try_to_connect=bool(try_to_connect))

    def unsubscribe(self, callback: Callable[..., Any]) -> None:
        """Tell `callback` no more."""
        self._channel.unsubscribe(callback)

    def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        with self._lock:
            self._closed = True
            self._channel.close()

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _callable(self, make: Callable[..., Any], method: tuple[Any, ...], more: Any) -> Any:
        key = (make.__name__, method, *more.items())
        with self._lock:
            self._check_open()
            if key not in self._callables:
                self._callables[key] = make(*method, **more)
            return self._callables[key]

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the client is closed")
