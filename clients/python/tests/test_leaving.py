# SPDX-License-Identifier: Apache-2.0
"""Leaving a stream early: the call ends, and nothing stays behind."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import threading
from collections.abc import Awaitable, Iterator
from typing import TypeVar

import grpc
import pytest
from fake import JOB, SOON, Refusal, Server, Silence, completed, lead, started

import pronto_grpc
from pronto_grpc import aio, v1

# So long a pause lasts that nothing ends.
LATER = Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING", retry_delay=SOON)

T = TypeVar("T")


def watchdogs() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pronto-watchdog"]


def test_with_ends_the_call_and_the_thread(server: Server) -> None:
    server.streams.append([started(), Silence()])
    with pronto_grpc.connect(server.target) as client:
        with client.follow(JOB) as events:
            next(events)
            assert watchdogs()
        assert server.ended.acquire(timeout=SOON)
        assert not watchdogs()


def test_break_without_close_ends_the_call_and_the_thread(server: Server) -> None:
    server.streams.append([started(), Silence()])
    with pronto_grpc.connect(server.target) as client:
        for _ in client.follow(JOB):
            left = watchdogs()
            break
        gc.collect()
        assert server.ended.acquire(timeout=SOON)
        for thread in left:
            thread.join(SOON)
        assert left
        assert not watchdogs()


def test_an_end_leaves_no_thread(server: Server) -> None:
    server.streams.append([started(), completed(2)])
    with pronto_grpc.connect(server.target) as client:
        events = client.follow(JOB)
        assert len(list(events)) == 2
        assert not watchdogs()
        assert list(events) == []


def test_another_thread_closes(server: Server) -> None:
    server.streams.append([started(), Silence()])
    with pronto_grpc.connect(server.target) as client:
        events = client.follow(JOB)
        next(events)
        closer = threading.Thread(target=events.close)
        closer.start()
        with pytest.raises(concurrent.futures.CancelledError, match=JOB):
            next(events)
        closer.join(SOON)
        assert server.ended.acquire(timeout=SOON)


def test_a_wait_between_attempts_is_ended(server: Server) -> None:
    with pronto_grpc.connect(server.target) as client:
        events = client.follow(JOB)
        events.close()
        with pytest.raises(concurrent.futures.CancelledError):
            next(events)
        assert server.watched_after == []


def test_a_closed_client_ends_a_pause(server: Server) -> None:
    server.streams.append([LATER])
    with closed_meanwhile(server) as client, pytest.raises(concurrent.futures.CancelledError):
        next(client.follow(JOB))
    assert server.watched_after == [0]


def test_a_closed_client_ends_a_connection_of_its_own(server: Server) -> None:
    server.streams.extend([[Silence()], [started(), Silence()]])
    client = pronto_grpc.connect(server.target)
    events = client.follow(JOB, idle=1)
    next(events)
    client.close()
    with pytest.raises(concurrent.futures.CancelledError, match=JOB):
        next(events)
    assert server.ended.acquire(timeout=SOON)
    assert server.ended.acquire(timeout=SOON)
    assert server.watched_after == [0, 0]


def test_a_closed_client_ends_a_repeat(server: Server) -> None:
    server.contacts.append(LATER)
    with closed_meanwhile(server) as client, pytest.raises(pronto_grpc.ProntoError):
        client.contacts.EnrichContact(v1.EnrichContactRequest(request_id="order-7"))
    assert len(server.requests) == 1


def test_asyncio_another_task_closes(server: Server) -> None:
    server.streams.extend([[LATER], [started(), completed(2)]])

    async def close() -> None:
        async with aio.connect(server.target) as client:
            events = client.follow(JOB)
            waiting = asyncio.ensure_future(anext(events))
            await ended(server)
            await events.close()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(waiting, SOON / 2)

    asyncio.run(close())
    assert server.watched_after == [0]


def test_asyncio_a_closed_client_ends_a_pause(server: Server) -> None:
    server.streams.append([LATER])

    async def close() -> None:
        client = aio.connect(server.target)
        waiting = asyncio.ensure_future(anext(client.follow(JOB)))
        await ended(server)
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, SOON / 2)

    asyncio.run(close())
    assert server.watched_after == [0]


def test_asyncio_a_closed_client_ends_a_connection_of_its_own(server: Server) -> None:
    server.streams.extend([[Silence()], [started(), Silence()]])

    async def close() -> None:
        client = aio.connect(server.target)
        events = client.follow(JOB, idle=1)
        await anext(events)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, SOON / 2)
        await ended(server)
        await ended(server)

    asyncio.run(close())
    assert server.watched_after == [0, 0]


def test_asyncio_a_closed_client_ends_a_repeat(server: Server) -> None:
    server.contacts.append(LATER)

    async def close() -> None:
        client = aio.connect(server.target)
        request = v1.EnrichContactRequest(request_id="order-7")
        waiting = asyncio.ensure_future(answer(client.contacts.EnrichContact(request)))
        await ended(server)
        await client.close()
        with pytest.raises((pronto_grpc.ProntoError, asyncio.CancelledError)):
            await asyncio.wait_for(waiting, SOON / 2)

    asyncio.run(close())
    assert len(server.requests) == 1


def test_asyncio_close_ends_the_call(server: Server) -> None:
    server.streams.append([started(), Silence()])

    async def leave() -> None:
        async with aio.connect(server.target) as client:
            async with client.follow(JOB) as events:
                async for _ in events:
                    break
            await ended(server)
            assert [event async for event in events] == []

    asyncio.run(leave())


def test_asyncio_break_without_close_ends_the_call(server: Server) -> None:
    server.streams.append([started(), Silence()])

    async def leave() -> None:
        async with aio.connect(server.target) as client:
            async for _ in client.follow(JOB):
                break
            gc.collect()
            await ended(server)

    asyncio.run(leave())


def test_asyncio_cancellation_ends_at_once(server: Server) -> None:
    server.streams.extend([[started(), Silence()], [lead(2)]])

    async def cancel() -> None:
        async with aio.connect(server.target) as client:
            events = client.follow(JOB)
            await anext(events)
            waiting = asyncio.ensure_future(anext(events))
            # The loop runs what is ready, so that the task waits for the server.
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await ended(server)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not [task for task in others if "_follow" in repr(task)]

    asyncio.run(cancel())
    assert server.watched_after == [0]


@pytest.mark.parametrize("moment", range(30, 70))
def test_asyncio_cancellation_is_never_lost(server: Server, moment: int) -> None:
    """Cancels while events come as fast as they can."""
    server.streams.append([started(), *map(lead, range(2, 400)), Silence()])
    came = asyncio.Event()
    cancelled = False
    behind = 0

    async def consume(client: aio.Client) -> None:
        nonlocal behind
        async for _ in client.follow(JOB):
            came.set()
            behind += cancelled

    async def cancel() -> None:
        nonlocal cancelled
        async with aio.connect(server.target) as client:
            consumer = asyncio.ensure_future(consume(client))
            await came.wait()
            for _ in range(moment):
                await asyncio.sleep(0)
            consumer.cancel()
            cancelled = True
            await asyncio.wait({consumer}, timeout=SOON)
            assert consumer.cancelled()

    asyncio.run(cancel())
    assert behind == 0


@contextlib.contextmanager
def closed_meanwhile(server: Server) -> Iterator[pronto_grpc.Client]:
    """Make a client, which another thread closes when the server has answered."""
    client = pronto_grpc.connect(server.target)

    def close() -> None:
        if server.ended.acquire(timeout=SOON):
            client.close()

    closer = threading.Thread(target=close)
    closer.start()
    yield client
    closer.join(SOON)


async def answer(call: Awaitable[T]) -> T:
    """Wait for a call."""
    return await call


async def ended(server: Server) -> None:
    """Wait until the server has seen the end of a stream."""
    assert await asyncio.to_thread(server.ended.acquire, timeout=SOON)
