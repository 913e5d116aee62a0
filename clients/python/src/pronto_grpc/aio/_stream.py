# SPDX-License-Identifier: Apache-2.0
"""A stream that has a place on a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc
from grpc import aio

from pronto_grpc.aio._share import Share

T = TypeVar("T")


class Stream(aio.UnaryStreamCall[Any, Any], AsyncIterator[Any]):
    """A stream of gRPC's, which gives its place back with its end, or when it is dropped.

    A connection that nobody needs then is closed by whoever reads the end; where nobody does, by
    the next one who gives a place back. Each method holds the stream while it is waited for.
    """

    def __init__(self, share: Share, call: aio.UnaryStreamCall[Any, Any]) -> None:
        self._share = share
        # No callback tells of its end: gRPC would keep a call that has one, and never end it
        # when it is dropped.
        self._call = call

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Any:
        # Each time the same iterator, with which gRPC goes on.
        return await self._came(anext(aiter(self._call)))

    async def read(self) -> Any:
        """Return the next message, or `grpc.aio.EOF`."""
        message = await self._came(self._call.read())
        if message is aio.EOF:
            await self._share.close()
        return message

    def cancel(self) -> bool:
        """End the stream."""
        self._share.vacate()
        return self._call.cancel()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._call.cancelled()

    def done(self) -> bool:
        """Whether it has ended."""
        return self._call.done()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call back with the stream at its end. Until then it is not dropped."""
        self._call.add_done_callback(lambda _: callback(self))

    def time_remaining(self) -> float | None:
        """Return the seconds that are left."""
        return self._call.time_remaining()

    async def initial_metadata(self) -> aio.Metadata:
        """Return what the server sent first."""
        return await self._call.initial_metadata()

    async def trailing_metadata(self) -> aio.Metadata:
        """Return what the server sent last."""
        return await self._call.trailing_metadata()

    async def code(self) -> grpc.StatusCode:
        """Return how it ended."""
        return await self._call.code()

    async def details(self) -> str:
        """Return what the server said about the end."""
        return await self._call.details()

    async def wait_for_connection(self) -> None:
        """Wait until it has a connection."""
        await self._call.wait_for_connection()

    def __del__(self) -> None:
        # gRPC's own part of it waits for the garbage collector, and the server with it.
        if "_call" in self.__dict__:
            self._call.cancel()

    async def _came(self, message: Awaitable[T]) -> T:
        try:
            return await message
        except (Exception, asyncio.CancelledError):
            # The end, an error, or nobody waits any more, which gRPC takes for an end.
            self._call.cancel()
            await self._share.close()
            raise
