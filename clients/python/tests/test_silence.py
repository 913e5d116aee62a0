# SPDX-License-Identifier: Apache-2.0
"""Streams and connections that say nothing any more."""

from __future__ import annotations

import asyncio
import gc
import threading

import grpc
import pytest
from conftest import Run
from fake import JOB, SOON, Refusal, Server, Silence, Time, completed, lead, started
from wire import Wire

import pronto_grpc
from pronto_grpc import ProntoError, aio, v1
from pronto_grpc._watchdog import Watchdog

# Long enough for the answers of the server here.
IDLE = 1.0


def test_a_silent_stream_is_begun_again(server: Server, follow: Run) -> None:
    silence = Silence()
    server.streams.extend([[started(), silence], [lead(2), completed(3)]])
    assert follow(idle=IDLE) == [1, 2, 3]
    # The silent stream was not only left, but ended.
    assert silence.left.wait(SOON)
    assert server.watched_after == [0, 1]


def test_a_silent_question_is_given_up(server: Server, follow: Run) -> None:
    server.streams.extend([[started()], [completed(2)]])
    server.jobs.append(Silence())
    assert follow(idle=IDLE) == [1, 2]


def test_a_dead_connection_is_left(server: Server, follow: Run, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()], [lead(2), completed(3)]])
    follow.target = wire.target
    follow.at[1] = wire.freeze
    # So many attempts over the dead connection would not get through, either.
    assert follow(idle=IDLE, patience=0.5) == [1, 2, 3]
    assert server.watched_after == [0, 1]
    assert len(wire.connections) == 2


def test_two_dead_connections_are_left(server: Server, follow: Run, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()], [lead(2), Silence()], [completed(3)]])
    follow.target = wire.target
    follow.at = {1: wire.freeze, 2: wire.freeze}
    assert follow(idle=IDLE, patience=0.5) == [1, 2, 3]
    assert len(wire.connections) == 3


def test_other_calls_keep_their_connection(server: Server, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()], [completed(2)]])
    server.jobs.extend([v1.Job(id=JOB)] * 2)
    with pronto_grpc.connect(wire.target) as client:
        client.jobs.GetJob(v1.GetJobRequest(job_id=JOB))
        events = client.follow(JOB, idle=IDLE)
        assert len(list(events)) == 2
        client.jobs.GetJob(v1.GetJobRequest(job_id=JOB))
        calls, silent, _ = wire.connections
        assert silent.left.wait(SOON)
        assert not calls.left.is_set()


def test_asyncio_other_calls_keep_their_connection(server: Server, wire: Wire) -> None:
    server.streams.extend([[started(), Silence()], [completed(2)]])
    server.jobs.extend([v1.Job(id=JOB)] * 2)

    async def follow() -> None:
        async with aio.connect(wire.target) as client:
            await client.jobs.GetJob(v1.GetJobRequest(job_id=JOB))
            events = client.follow(JOB, idle=IDLE)
            assert len([event async for event in events]) == 2
            await client.jobs.GetJob(v1.GetJobRequest(job_id=JOB))
            calls, silent, _ = wire.connections
            # With older versions of grpc, a call of the past still holds the connection.
            gc.collect()
            assert await asyncio.to_thread(silent.left.wait, SOON)
            assert not calls.left.is_set()

    asyncio.run(follow())


def test_the_time_of_a_slow_consumer_is_no_silence(server: Server, follow: Run) -> None:
    server.streams.extend([[started(), lead(2), completed(3)], [Silence()]])

    def outlast() -> None:
        # Another stream is found silent: the time is over that the first one may be silent.
        with pronto_grpc.connect(server.target) as client, pytest.raises(ProntoError):
            list(client.follow(JOB, idle=IDLE, patience=0.01))

    follow.at[1] = outlast
    assert follow(idle=IDLE) == [1, 2, 3]
    assert server.watched_after == [0, 0]


def test_the_time_of_a_slow_consumer_takes_no_patience(
    server: Server, follow: Run, time: Time
) -> None:
    unavailable = Refusal(grpc.StatusCode.UNAVAILABLE)
    server.streams.extend([[unavailable], [started(), unavailable], [lead(2), completed(3)]])
    follow.at[1] = lambda: time.wait(3600)
    assert follow(patience=60) == [1, 2, 3]


def test_a_watchdog_minds_only_what_it_guards() -> None:
    watchdog = Watchdog()
    early, late = threading.Event(), threading.Event()
    with watchdog.guard(early.set, 0.01):
        pass
    with watchdog.guard(late.set, 0.02):
        assert late.wait(SOON)
    watchdog.stop()
    watchdog.join()
    assert not early.is_set()


def test_a_watchdog_ends_although_its_lock_is_held() -> None:
    """Who closes in a signal handler may have interrupted who holds it."""
    watchdog = Watchdog()
    with watchdog.guard(lambda: None, SOON):
        pass

    def close() -> None:
        with watchdog._changed:
            watchdog.stop()
            watchdog.join()

    closer = threading.Thread(target=close, daemon=True)
    closer.start()
    closer.join(SOON)
    assert not closer.is_alive()


def test_a_watchdog_is_stopped_while_it_wakes_its_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who closes in a signal handler may have interrupted that; a condition minds."""
    watchdog = Watchdog()
    with watchdog.guard(lambda: None, SOON):
        pass
    notify = watchdog._changed.notify
    notifying = threading.Lock()

    def interrupted() -> None:
        assert notifying.acquire(blocking=False)
        watchdog.stop()
        notify()
        notifying.release()

    monkeypatch.setattr(watchdog._changed, "notify", interrupted)
    with watchdog.guard(lambda: None, SOON / 2):
        pass
    thread = watchdog._thread
    assert thread is not None
    thread.join(SOON)
    assert not thread.is_alive()
