# SPDX-License-Identifier: Apache-2.0
"""Fixtures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from fake import JOB, Server, Time
from wire import Wire

import pronto_grpc
from pronto_grpc import aio, v1
from pronto_grpc._following import Following, Limits
from pronto_grpc._share import Share
from pronto_grpc.aio._share import Share as AsyncShare

Take = Callable[[v1.JobEvent], None]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that does what the test writes down."""
    # Methods that are left out answer UNIMPLEMENTED.
    server = Server()  # type: ignore[abstract]
    yield server
    server.stop()


@pytest.fixture
def time() -> Time:
    """Time that passes only by waiting."""
    return Time()


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    """A way to the server that can fall silent."""
    with Wire(server.target) as wire:
        yield wire


def follow_blocking(following: Following, target: str, time: Time, take: Take) -> None:
    """Follow with `pronto_grpc`."""
    with pronto_grpc.connect(target) as client:
        share = Share(client._pool)
        with pronto_grpc.Follow(share, following, pause=time.wait) as events:
            for event in events:
                take(event)


def follow_asyncio(following: Following, target: str, time: Time, take: Take) -> None:
    """Follow with `pronto_grpc.aio`."""

    async def follow() -> None:
        async with aio.connect(target) as client:
            share = AsyncShare(client._pool)
            async with aio.Follow(share, following, pause=time.wait_async) as events:
                async for event in events:
                    take(event)

    asyncio.run(follow())


class Run:
    """A job, followed."""

    def __init__(self, server: Server, time: Time, follow: Callable[..., None]) -> None:
        self.events: list[v1.JobEvent] = []
        self.account: v1.JobCompleted | None = None
        # What the consumer does at an event, by its sequence, and the way to the server.
        self.at: dict[int, Callable[[], object]] = {}
        self.target = server.target
        self._time, self._follow = time, follow

    def __call__(self, *, after: int = 0, progress: bool = False, **limits: float) -> list[int]:
        """Follow the job to its end; return the sequences that came."""
        following = Following(JOB, after, progress, Limits(**limits), self._time.clock)
        try:
            self._follow(following, self.target, self._time, self._take)
        finally:
            self.account = following.account
        return self.sequences

    def _take(self, event: v1.JobEvent) -> None:
        self.events.append(event)
        self.at.get(event.sequence, lambda: None)()

    @property
    def sequences(self) -> list[int]:
        """The sequences that came."""
        return [event.sequence for event in self.events]


@pytest.fixture(params=[follow_blocking, follow_asyncio])
def follow(request: pytest.FixtureRequest, server: Server, time: Time) -> Run:
    """Follow the job of the server, with both clients."""
    return Run(server, time, request.param)
