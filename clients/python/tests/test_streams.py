# SPDX-License-Identifier: Apache-2.0
"""Streaming RPCs, and the places that they take."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import queue
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from fake import JOB, SOON, Refusal, Server, Silence, Step, lead, started
from grpc.aio import EOF
from wire import Wire

import pronto_grpc
from pronto_grpc import ProntoError, aio, v1
from pronto_grpc._pool import STREAMS_PER_LINE, Pool
from pronto_grpc._share import Share
from pronto_grpc._stream import Stream

# More than a server takes on a connection.
HUNDREDS = 300
# One more than a connection bears: a place that is kept shows as another connection.
MANY = STREAMS_PER_LINE + 1

WATCH = v1.WatchJobRequest(job_id=JOB)


def still_open() -> list[Step]:
    """Script a stream that its client ends."""
    return [started(), lead(2), Silence()]


def whole() -> list[Step]:
    """Script a stream that the server ends."""
    return [started(), lead(2)]


def refused() -> list[Step]:
    """Script a stream that has an error only."""
    return [Refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND")]


def test_streams_do_not_wait_for_one_another(server: Server, wire: Wire) -> None:
    server.streams.extend(still_open() for _ in range(HUNDREDS))
    server.jobs.append(v1.Job(id=JOB))
    with pronto_grpc.connect(wire.target) as client:
        streams = [client.jobs.WatchJob(WATCH, timeout=SOON) for _ in range(HUNDREDS)]
        for stream in streams:
            assert next(stream).sequence == 1
        assert len(wire.connections) == 3
        client.jobs.GetJob(v1.GetJobRequest(job_id=JOB), timeout=SOON)
        assert len(wire.connections) == 4


def test_asyncio_streams_do_not_wait_for_one_another(server: Server, wire: Wire) -> None:
    server.streams.extend(still_open() for _ in range(HUNDREDS))
    server.jobs.append(v1.Job(id=JOB))

    async def watch() -> None:
        async with aio.connect(wire.target) as client:
            streams = [client.jobs.WatchJob(WATCH, timeout=SOON) for _ in range(HUNDREDS)]
            for stream in streams:
                assert (await anext(aiter(stream))).sequence == 1
            assert len(wire.connections) == 3
            await client.jobs.GetJob(v1.GetJobRequest(job_id=JOB), timeout=SOON)
            assert len(wire.connections) == 4

    asyncio.run(watch())


def test_follows_and_streams_share_connections(server: Server, wire: Wire) -> None:
    server.streams.extend(still_open() for _ in range(MANY))
    with pronto_grpc.connect(wire.target) as client:
        followed = [client.follow(JOB) for _ in range(MANY - 2)]
        for events in followed:
            next(events)
        streams = [client.jobs.WatchJob(WATCH)]
        next(streams[0])
        assert len(wire.connections) == 1
        streams.append(client.jobs.WatchJob(WATCH))
        next(streams[1])
        first, second = wire.connections
        streams.pop().cancel()
        assert second.left.wait(SOON)
        assert not first.left.is_set()


def end(client: pronto_grpc.Client) -> None:
    assert len(list(client.jobs.WatchJob(WATCH))) == 2


def refuse(client: pronto_grpc.Client) -> None:
    with pytest.raises(ProntoError, match="as the test wants"):
        next(client.jobs.WatchJob(WATCH))


def cancel(client: pronto_grpc.Client) -> Any:
    stream = client.jobs.WatchJob(WATCH)
    assert next(stream).sequence == 1
    stream.cancel()
    # Whoever holds it still, does not hold its place.
    return stream


def drop(client: pronto_grpc.Client) -> None:
    for event in client.jobs.WatchJob(WATCH):
        assert event.sequence == 1
        break


def run_out(client: pronto_grpc.Client) -> Any:
    stream: Any = client.jobs.WatchJob(WATCH, timeout=0)
    ended = threading.Event()
    stream.add_done_callback(lambda _: ended.set())
    assert ended.wait(SOON)
    return stream


def mistake(client: pronto_grpc.Client) -> None:
    with pytest.raises(TypeError):
        client.jobs.WatchJob(WATCH, nonsense=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("leave", "script"),
    [
        (end, whole),
        (refuse, refused),
        (cancel, still_open),
        (drop, still_open),
        (run_out, None),
        (mistake, None),
    ],
)
def test_a_stream_gives_its_place_back(
    server: Server,
    wire: Wire,
    leave: Callable[[pronto_grpc.Client], object],
    script: Callable[[], list[Step]] | None,
) -> None:
    server.streams.extend(script() for _ in range(MANY) if script)
    with pronto_grpc.connect(wire.target) as client:
        held = [leave(client) for _ in range(MANY)]
        if script:
            for _ in held:
                assert server.ended.acquire(timeout=SOON)
        server.streams.append(whole())
        assert next(client.jobs.WatchJob(WATCH)).sequence == 1
        assert len(wire.connections) == 1


async def end_async(client: aio.Client) -> Any:
    stream = client.jobs.WatchJob(WATCH)
    assert len([event async for event in stream]) == 2
    return stream


async def read_to_the_end(client: aio.Client) -> Any:
    stream = client.jobs.WatchJob(WATCH)
    while await stream.read() is not EOF:
        pass
    return stream


async def refuse_async(client: aio.Client) -> Any:
    stream = client.jobs.WatchJob(WATCH)
    with pytest.raises(ProntoError, match="as the test wants"):
        await anext(aiter(stream))
    return stream


async def cancel_async(client: aio.Client) -> Any:
    stream = client.jobs.WatchJob(WATCH)
    assert (await anext(aiter(stream))).sequence == 1
    stream.cancel()
    return stream


async def cancel_task(client: aio.Client) -> Any:
    stream = client.jobs.WatchJob(WATCH)
    for sequence in (1, 2):
        assert (await anext(aiter(stream))).sequence == sequence
    waiting = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    return stream


async def drop_async(client: aio.Client) -> None:
    async for event in client.jobs.WatchJob(WATCH):
        assert event.sequence == 1
        break


async def mistake_async(client: aio.Client) -> None:
    mistake(client)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("leave", "script"),
    [
        (end_async, whole),
        (read_to_the_end, whole),
        (refuse_async, refused),
        (cancel_async, still_open),
        (cancel_task, still_open),
        (drop_async, still_open),
        (mistake_async, None),
    ],
)
def test_asyncio_a_stream_gives_its_place_back(
    server: Server,
    wire: Wire,
    leave: Callable[[aio.Client], Awaitable[object]],
    script: Callable[[], list[Step]] | None,
) -> None:
    server.streams.extend(script() for _ in range(MANY) if script)

    async def watch() -> None:
        async with aio.connect(wire.target) as client:
            held = [await leave(client) for _ in range(MANY)]
            if script:
                for _ in held:
                    assert await asyncio.to_thread(server.ended.acquire, timeout=SOON)
            server.streams.append(whole())
            assert (await anext(aiter(client.jobs.WatchJob(WATCH)))).sequence == 1
            assert len(wire.connections) == 1

    asyncio.run(watch())


def test_a_connection_without_streams_is_closed(server: Server, wire: Wire) -> None:
    server.streams.extend(still_open() for _ in range(MANY - 1))
    server.streams.append(whole())
    with pronto_grpc.connect(wire.target) as client:
        streams = [client.jobs.WatchJob(WATCH) for _ in range(MANY - 1)]
        for stream in streams:
            next(stream)
        assert len(list(client.jobs.WatchJob(WATCH))) == 2
        first, second = wire.connections
        assert second.left.wait(SOON)
        assert not first.left.is_set()


def test_asyncio_a_connection_without_streams_is_closed(server: Server, wire: Wire) -> None:
    server.streams.extend(still_open() for _ in range(MANY - 1))
    server.streams.append([started()])

    async def watch() -> None:
        async with aio.connect(wire.target) as client:
            streams = [client.jobs.WatchJob(WATCH) for _ in range(MANY - 1)]
            for stream in streams:
                await stream.read()
            last = client.jobs.WatchJob(WATCH)
            await last.read()
            first, second = wire.connections
            assert await last.read() is EOF
            # In grpc.aio, a call of the past still holds its connection.
            del last
            gc.collect()
            assert await asyncio.to_thread(second.left.wait, SOON)
            assert not first.left.is_set()

    asyncio.run(watch())


def test_closing_the_client_ends_streams(server: Server) -> None:
    server.streams.extend(still_open() for _ in range(MANY))
    with pronto_grpc.connect(server.target) as client:
        streams = [client.jobs.WatchJob(WATCH) for _ in range(MANY)]
        for stream in streams:
            next(stream)
    for stream in streams:
        with pytest.raises(ProntoError, match="the client is closed"):
            next(stream)


def test_asyncio_closing_the_client_ends_streams(server: Server) -> None:
    server.streams.extend(still_open() for _ in range(MANY))

    async def watch() -> None:
        async with aio.connect(server.target) as client:
            streams = [client.jobs.WatchJob(WATCH) for _ in range(MANY)]
            for stream in streams:
                await stream.read()
            waiting = [asyncio.create_task(stream.read()) for stream in streams]
            await asyncio.sleep(0)
        for error in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(error, ProntoError)
            assert "the client is closed" in str(error)

    asyncio.run(watch())


def test_what_is_asked_of_a_stream_holds_it(server: Server) -> None:
    server.streams.extend([[], []])

    async def watch(target: str) -> grpc.StatusCode:
        async with aio.connect(target) as client:
            return await client.jobs.WatchJob(WATCH).code()

    with pronto_grpc.connect(server.target) as client:
        assert client.jobs.WatchJob(WATCH).code() is grpc.StatusCode.OK
    assert asyncio.run(watch(server.target)) is grpc.StatusCode.OK


def test_callbacks_get_the_stream(server: Server) -> None:
    server.streams.extend([[], []])

    async def watch(target: str) -> None:
        async with aio.connect(target) as client:
            ended = asyncio.get_running_loop().create_future()
            stream = client.jobs.WatchJob(WATCH)
            stream.add_done_callback(ended.set_result)
            assert await ended is stream

    with pronto_grpc.connect(server.target) as client:
        got: queue.SimpleQueue[object] = queue.SimpleQueue()
        stream: Any = client.jobs.WatchJob(WATCH)
        stream.add_done_callback(got.put)
        assert got.get(timeout=SOON) is stream
    asyncio.run(watch(server.target))


class Interrupted:
    """A call that a signal handler interrupts, and that goes on."""

    def add_callback(self, _: object) -> bool:
        return True

    def is_active(self) -> bool:
        return True

    def __next__(self) -> None:
        raise KeyboardInterrupt


def test_an_interrupted_wait_is_no_end() -> None:
    pool: Pool[Any] = Pool(object)
    share = Share(pool)
    line = share.channel
    stream = Stream(share, Interrupted())
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    others = [Share(pool) for _ in range(MANY)]
    assert [other.channel is line for other in others].count(True) == STREAMS_PER_LINE - 1
