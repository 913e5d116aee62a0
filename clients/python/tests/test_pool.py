# SPDX-License-Identifier: Apache-2.0
"""Many follows over few connections."""

from __future__ import annotations

import asyncio
import gc
import threading

from fake import JOB, SOON, Server, Silence, completed, lead, started
from wire import Wire

import pronto_grpc
from pronto_grpc import aio, v1
from pronto_grpc._pool import STREAMS_PER_LINE, Pool

# Long enough for the answers of the server here.
IDLE = 1.0
# One more than a connection bears.
MANY = STREAMS_PER_LINE + 1


def test_many_follows_have_several_connections(server: Server, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()]] * MANY)
    server.jobs.append(v1.Job(id=JOB))
    with pronto_grpc.connect(wire.target) as client:
        followed = [client.follow(JOB) for _ in range(MANY)]
        assert not wire.connections
        for events in followed:
            next(events)
        first, second = wire.connections
        client.jobs.GetJob(v1.GetJobRequest(job_id=JOB))
        assert len(wire.connections) == 3
        followed[-1].close()
        assert second.left.wait(SOON)
        assert not first.left.is_set()
    for connection in wire.connections:
        assert connection.left.wait(SOON)


def test_asyncio_many_follows_have_several_connections(server: Server, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()]] * MANY)
    server.jobs.append(v1.Job(id=JOB))

    async def follow() -> None:
        async with aio.connect(wire.target) as client:
            followed = [client.follow(JOB) for _ in range(MANY)]
            assert not wire.connections
            for events in followed:
                await anext(events)
            first, second = wire.connections
            await client.jobs.GetJob(v1.GetJobRequest(job_id=JOB))
            assert len(wire.connections) == 3
            await followed[-1].close()
            # In grpc.aio, a call of the past still holds its connection.
            gc.collect()
            assert await asyncio.to_thread(second.left.wait, SOON)
            assert not first.left.is_set()
        gc.collect()
        for connection in wire.connections:
            assert await asyncio.to_thread(connection.left.wait, SOON)

    asyncio.run(follow())


def test_follows_share_a_connection(server: Server, wire: Wire) -> None:
    server.streams.extend([[completed(1)]] * 3)
    with pronto_grpc.connect(wire.target) as client:
        for _ in range(3):
            list(client.follow(JOB))
        (only,) = wire.connections
        assert not only.left.is_set()


def test_asyncio_follows_share_a_connection(server: Server, wire: Wire) -> None:
    server.streams.extend([[completed(1)]] * 3)

    async def follow() -> None:
        async with aio.connect(wire.target) as client:
            for _ in range(3):
                assert [event async for event in client.follow(JOB)]
            (only,) = wire.connections
            assert not only.left.is_set()

    asyncio.run(follow())


def test_follows_that_are_left_make_room(server: Server, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()]] * MANY)
    with pronto_grpc.connect(wire.target) as client:
        for _ in range(MANY):
            for _ in client.follow(JOB):
                break
        assert len(wire.connections) == 1


def test_asyncio_follows_that_are_left_make_room(server: Server, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()]] * MANY)

    async def follow() -> None:
        async with aio.connect(wire.target) as client:
            for _ in range(MANY):
                async for _ in client.follow(JOB):
                    break
            assert len(wire.connections) == 1

    asyncio.run(follow())


def test_a_dead_connection_is_left_by_all(server: Server, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()]] * 2)
    server.streams.extend([[completed(2)]] * 2)
    with pronto_grpc.connect(wire.target) as client:
        followed = [client.follow(JOB, idle=IDLE) for _ in range(2)]
        for events in followed:
            next(events)
        wire.freeze()
        for events in followed:
            assert next(events).sequence == 2
        dead, _ = wire.connections
        assert dead.left.wait(SOON)
    assert server.watched_after == [0, 0, 1, 1]


def test_a_follow_that_hears_something_stays(server: Server, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()], [started(), lead(2), Silence()], [completed(2)]])
    with pronto_grpc.connect(wire.target) as client:
        silent, well = client.follow(JOB, idle=IDLE), client.follow(JOB)
        next(silent)
        next(well)
        assert next(silent).sequence == 2
        left, _ = wire.connections
        assert next(well).sequence == 2
        assert not left.left.is_set()
        well.close()
        assert left.left.wait(SOON)
    assert server.watched_after == [0, 0, 1]


def test_what_is_collected_meanwhile_does_not_wait() -> None:
    """A generator that follows is closed by the garbage collector, wherever that runs."""
    pool: Pool[str] = Pool(lambda: opened())
    names = iter(["first", "second"])
    holders = [Holder() for _ in range(MANY)]

    def opened() -> str:
        if last:
            assert pool.give_back(lines.pop(), holders[0]) == []
        return next(names)

    last = False
    lines = [pool.take(holder) for holder in holders[:-1]]
    last = True
    taker = threading.Thread(target=lambda: lines.append(pool.take(holders[-1])), daemon=True)
    taker.start()
    taker.join(SOON)
    assert lines[-1].channel == "second"


class Holder:
    """Holds a line."""
