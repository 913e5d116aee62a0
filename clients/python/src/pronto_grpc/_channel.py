# SPDX-License-Identifier: Apache-2.0
"""A channel that can be called after its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
        # So that no callable is made while the channel closes. A signal handler that closes it
        # may interrupt who holds the lock, in the same thread: so a thread may take it twice, and
        # whoever uses the channel then closes it afterwards.
        self._lock = threading.RLock()
        self._uses = 0

    def unary_unary(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that answers once."""
        return self._callable(self._channel.unary_unary, method, more)

    def unary_stream(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that answers with a stream."""
        return self._callable(self._channel.unary_stream, method, more).begin

    def stream_unary(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that takes a stream."""
        return self._callable(self._channel.stream_unary, method, more)

    def stream_stream(self, *method: Any, **more: Any) -> Any:
        """Return what calls a method that takes a stream and answers with one."""
        return self._callable(self._channel.stream_stream, method, more)

    def subscribe(self, callback: Callable[..., Any], try_to_connect: bool | None = False) -> None:
        """Tell `callback` how the connection is, whenever that changes."""
        with self._used():
            self._channel.subscribe(callback, try_to_connect=bool(try_to_connect))

    def unsubscribe(self, callback: Callable[..., Any]) -> None:
        """Tell `callback` no more."""
        self._channel.unsubscribe(callback)

    def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        with self._lock:
            self._closed = True
            self._close_unused()

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _callable(self, make: Callable[..., Any], method: tuple[Any, ...], more: Any) -> Any:
        key = (make.__name__, method, *more.items())
        with self._used():
            if key not in self._callables:
                self._callables[key] = _Callable(make(*method, **more), self._used)
            return self._callables[key]

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Keep the channel open for so long; refuse that when it is closed."""
        with self._lock:
            self._uses += 1
            try:
                if self._closed:
                    raise ValueError("the client is closed")
                yield
            finally:
                self._uses -= 1
                if self._closed:
                    self._close_unused()

    def _close_unused(self) -> None:
        if not self._uses:
            self._channel.close()


class _Callable:
    """Calls a method. A call that is not waited for begins as a whole before its channel closes.

    grpcio holds a lock for a moment while one begins, which closing the channel takes, too.
    """

    def __init__(self, call: Any, used: Callable[[], AbstractContextManager[None]]) -> None:
        self._call = call
        self._used = used

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __call__(self, *request: Any, **more: Any) -> Any:
        return self._call(*request, **more)

    def begin(self, *request: Any, **more: Any) -> Any:
        """Begin a stream of answers."""
        with self._used():
            return self._call(*request, **more)

    def future(self, *request: Any, **more: Any) -> Any:
        """Begin a call that is waited for later."""
        with self._used():
            return self._call.future(*request, **more)
