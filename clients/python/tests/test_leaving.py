# SPDX-License-Identifier: Apache-2.0
"""Leaving a stream early: the call ends, and nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
import threading

import grpc
import pytest
from fake import JOB, SOON, Refusal, Server, Silence, completed, lead, started

import pronto_grpc
from pronto_grpc import aio

# So long a pause lasts that nothing ends.
LATER = Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING", retry_delay=SOON)


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
        assert next(events, None) is None
        closer.join(SOON)
        assert server.ended.acquire(timeout=SOON)


def test_another_thread_closes_during_a_pause(server: Server) -> None:
    server.streams.extend([[LATER], [started(), completed(2)]])
    with pronto_grpc.connect(server.target) as client:
        events = client.follow(JOB)

        def close() -> None:
            if server.ended.acquire(timeout=SOON):
                events.close()

        closer = threading.Thread(target=close)
        closer.start()
        assert next(events, None) is None
        closer.join(SOON)
    assert server.watched_after == [0]


def test_an_error_is_raised_again(server: Server) -> None:
    server.streams.append([started(), Refusal(grpc.StatusCode.FAILED_PRECONDITION, "JOB_FAILED")])
    with pronto_grpc.connect(server.target) as client:
        events = client.follow(JOB)
        next(events)
        raised = []
        for _ in range(2):
            with pytest.raises(pronto_grpc.ProntoError, match="JOB_FAILED") as error:
                next(events)
            raised.append(error.value)
        assert raised[0] is raised[1]
        events.close()
        with pytest.raises(pronto_grpc.ProntoError, match="JOB_FAILED"):
            next(events)
    assert server.watched_after == [0]


def test_asyncio_another_task_closes(server: Server) -> None:
    server.streams.extend([[LATER], [started(), completed(2)]])

    async def close() -> None:
        async with aio.connect(server.target) as client:
            events = client.follow(JOB)
            waiting = asyncio.ensure_future(anext(events))
            await ended(server)
            await events.close()
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(waiting, SOON / 2)
            assert [event async for event in events] == []

    asyncio.run(close())
    assert server.watched_after == [0]


def test_asyncio_an_error_is_raised_again(server: Server) -> None:
    server.streams.append([started(), Refusal(grpc.StatusCode.FAILED_PRECONDITION, "JOB_FAILED")])

    async def follow() -> None:
        async with aio.connect(server.target) as client:
            events = client.follow(JOB)
            await anext(events)
            raised = []
            for _ in range(2):
                with pytest.raises(pronto_grpc.ProntoError, match="JOB_FAILED") as error:
                    await anext(events)
                raised.append(error.value)
            assert raised[0] is raised[1]

    asyncio.run(follow())
    assert server.watched_after == [0]


def test_asyncio_a_wait_that_is_cancelled_ends_nothing(server: Server) -> None:
    server.streams.extend([[started(), Silence()], [lead(2), completed(3)]])

    async def follow() -> list[int]:
        async with aio.connect(server.target) as client:
            events = client.follow(JOB)
            first = await anext(events)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(events), 0.01)
            return [first.sequence, *[event.sequence async for event in events]]

    assert asyncio.run(follow()) == [1, 2, 3]
    assert server.watched_after == [0, 1]


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


async def ended(server: Server) -> None:
    """Wait until the server has seen the end of a stream."""
    assert await asyncio.to_thread(server.ended.acquire, timeout=SOON)
