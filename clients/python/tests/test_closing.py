# SPDX-License-Identifier: Apache-2.0
"""Closing a client ends what is under way: at once, with an error, and without cancelling."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import TypeVar

import grpc
import pytest
from fake import JOB, SOON, Refusal, Server, Silence, completed, lead, started

import pronto_grpc
from pronto_grpc import ProntoError, aio, v1
from pronto_grpc._following import Following
from pronto_grpc._repeating import Attempts

# So long a pause lasts that nothing ends.
LATER = Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING", retry_delay=SOON)
UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING")

GET = v1.GetJobRequest(job_id=JOB)
WATCH = v1.WatchJobRequest(job_id=JOB)
ONCE = v1.EnrichContactRequest(request_id="order-7")

T = TypeVar("T")

# What waits for the server when the client is closed, for threads and for asyncio.
CALLS: list[Callable[[pronto_grpc.Client], object]] = [
    lambda client: client.jobs.GetJob(GET),
    lambda client: client.jobs.GetJob.future(GET).result(),
    lambda client: client.contacts.EnrichContact(ONCE),
    lambda client: list(client.jobs.WatchJob(WATCH)),
    lambda client: list(client.follow(JOB)),
]
ASYNC_CALLS: list[Callable[[aio.Client], Awaitable[object]]] = [
    lambda client: client.jobs.GetJob(GET),
    lambda client: client.contacts.EnrichContact(ONCE),
    lambda client: consume(client.jobs.WatchJob(WATCH)),
    lambda client: consume(client.follow(JOB)),
]


@pytest.fixture
def silent(server: Server) -> Server:
    """A server that takes calls, and answers nothing."""
    server.jobs.append(Silence())
    server.contacts.append(Silence())
    server.streams.append([Silence()])
    return server


@pytest.mark.parametrize("call", CALLS)
def test_what_waits_for_the_server_ends(
    silent: Server, call: Callable[[pronto_grpc.Client], object]
) -> None:
    with closed_after(silent.began, silent.target) as client:
        error = failure(lambda: call(client))
    check(error)
    assert len(silent.requests) == 1
    assert silent.ended.acquire(timeout=SOON)


@pytest.mark.parametrize("call", ASYNC_CALLS)
def test_asyncio_what_waits_for_the_server_ends(
    silent: Server, call: Callable[[aio.Client], Awaitable[object]]
) -> None:
    check(asyncio.run(closing(silent.began, silent.target, call)))
    assert len(silent.requests) == 1
    assert silent.ended.acquire(timeout=SOON)


@pytest.fixture(params=["repeat", "follow"])
def kind(request: pytest.FixtureRequest) -> str:
    """What repeats its calls by itself."""
    return str(request.param)


@pytest.fixture
def pausing(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """What tells that a client has seen a refusal, and is about to wait."""
    signal = threading.Semaphore(0)
    after, failed = Attempts.wait_after, Following.failed

    def wait_after(attempts: Attempts, error: ProntoError) -> float | None:
        wait = after(attempts, error)
        signal.release()
        return wait

    def follow_failed(following: Following, error: ProntoError) -> float:
        wait = failed(following, error)
        signal.release()
        return wait

    monkeypatch.setattr(Attempts, "wait_after", wait_after)
    monkeypatch.setattr(Following, "failed", follow_failed)
    return signal


def test_a_pause_ends(server: Server, kind: str, pausing: threading.Semaphore) -> None:
    prepare(server, LATER)
    with closed_after(pausing, server.target) as client:
        error = failure(
            lambda: (
                client.contacts.EnrichContact(ONCE)
                if kind == "repeat"
                else next(client.follow(JOB))
            )
        )
    check(error, v1.ERROR_REASON_STARTING)
    assert len(server.requests) == 1


def test_asyncio_a_pause_ends(server: Server, kind: str, pausing: threading.Semaphore) -> None:
    prepare(server, LATER)

    async def call(client: aio.Client) -> None:
        if kind == "repeat":
            await client.contacts.EnrichContact(ONCE)
        else:
            await anext(client.follow(JOB))

    check(asyncio.run(closing(pausing, server.target, call)), v1.ERROR_REASON_STARTING)
    assert len(server.requests) == 1


def test_the_last_refusal_is_the_cause_of_the_end_of_a_later_attempt(server: Server) -> None:
    server.contacts.extend([UNAVAILABLE, Silence()])
    with closed_after(server.began, server.target, times=2) as client:
        check(failure(lambda: client.contacts.EnrichContact(ONCE)), v1.ERROR_REASON_STARTING)


def test_asyncio_the_last_refusal_is_the_cause_of_the_end_of_a_later_attempt(
    server: Server,
) -> None:
    server.contacts.extend([UNAVAILABLE, Silence()])

    async def call(client: aio.Client) -> None:
        await client.contacts.EnrichContact(ONCE)

    error = asyncio.run(closing(server.began, server.target, call, times=2))
    check(error, v1.ERROR_REASON_STARTING)


def test_a_follow_whose_consumer_works_is_told(server: Server) -> None:
    server.streams.append([started(), lead(2), completed(3)])
    client = pronto_grpc.connect(server.target)
    events = client.follow(JOB)
    next(events)
    client.close()
    first, second = failure(lambda: list(events)), failure(lambda: next(events))
    check(first)
    assert first is second


def test_asyncio_a_follow_whose_consumer_works_is_told(server: Server) -> None:
    server.streams.append([started(), lead(2), completed(3)])

    async def follow() -> None:
        client = aio.connect(server.target)
        events = client.follow(JOB)
        await anext(events)
        await client.close()
        first, second = await async_failure(consume(events)), await async_failure(anext(events))
        check(first)
        assert first is second

    asyncio.run(follow())


def test_what_has_ended_before_has_ended_well(server: Server) -> None:
    server.streams.append([started(), completed(2)])
    server.streams.append([started(), Silence()])
    client = pronto_grpc.connect(server.target)
    whole, left = client.follow(JOB), client.follow(JOB)
    assert len(list(whole)) == 2
    next(left)
    left.close()
    client.close()
    assert list(whole) == list(left) == []


def test_asyncio_what_has_ended_before_has_ended_well(server: Server) -> None:
    server.streams.append([started(), completed(2)])
    server.streams.append([started(), Silence()])
    server.jobs.append(v1.Job(id=JOB))

    async def follow() -> None:
        client = aio.connect(server.target)
        whole, left = client.follow(JOB), client.follow(JOB)
        assert len(await consume(whole)) == 2
        await anext(left)
        await left.close()
        call = client.jobs.GetJob(GET)
        await call
        await client.close()
        assert await consume(whole) == await consume(left) == []
        assert (await call).job.id == JOB

    asyncio.run(follow())


def test_asyncio_a_call_that_just_began_ends(silent: Server) -> None:
    async def call() -> None:
        client = aio.connect(silent.target)
        waiting = [asyncio.ensure_future(answer(call(client))) for call in ASYNC_CALLS]
        await client.close()
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            # What had not begun at all is refused like any later call.
            assert isinstance(outcome, ProntoError | ValueError), repr(outcome)
            assert "the client is closed" in str(outcome)

    asyncio.run(call())


def test_asyncio_a_task_that_is_cancelled_is_cancelled(silent: Server) -> None:
    async def call() -> None:
        async with aio.connect(silent.target) as client:
            for call in ASYNC_CALLS[:3]:
                waiting = asyncio.ensure_future(answer(call(client)))
                await seen(silent.began)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await seen(silent.ended)

    asyncio.run(call())


@pytest.mark.parametrize("moment", range(6))
def test_asyncio_a_task_that_is_cancelled_early_cancels_its_call(
    silent: Server, moment: int
) -> None:
    async def cancel() -> None:
        async with aio.connect(silent.target) as client:
            call = client.jobs.GetJob(GET)
            waiting = asyncio.ensure_future(answer(call))
            for _ in range(moment):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            # It was cancelled before it began to wait, or its call is.
            assert moment == 0 or call.cancelled()

    asyncio.run(cancel())


def check(error: ProntoError, cause: v1.ErrorReason.ValueType | None = None) -> None:
    """Expect the error of a closed client."""
    assert error.code() is grpc.StatusCode.CANCELLED
    assert error.message == "the client is closed"
    assert error.__cause__ is error.cause
    if cause is not None:
        assert isinstance(error.cause, ProntoError)
        assert error.cause.reason == cause


def prepare(server: Server, refusal: Refusal) -> None:
    """Let the server refuse whatever comes first, and take what comes then."""
    server.contacts.append(refusal)
    server.streams.extend([[refusal], [started(), completed(2)]])


@contextlib.contextmanager
def closed_after(
    signal: threading.Semaphore, target: str, *, times: int = 1
) -> Iterator[pronto_grpc.Client]:
    """Make a client, which another thread closes after a signal of the server."""
    client = pronto_grpc.connect(target)

    def close() -> None:
        if all(signal.acquire(timeout=SOON) for _ in range(times)):
            client.close()

    closer = threading.Thread(target=close)
    closer.start()
    yield client
    closer.join(SOON)


async def closing(
    signal: threading.Semaphore,
    target: str,
    call: Callable[[aio.Client], Awaitable[object]],
    *,
    times: int = 1,
) -> ProntoError:
    """Close the client of a call after a signal of the server; return the call's error."""
    client = aio.connect(target)
    waiting = asyncio.ensure_future(async_failure(call(client)))
    for _ in range(times):
        await seen(signal)
    await client.close()
    return await asyncio.wait_for(waiting, SOON / 2)


def failure(call: Callable[[], object]) -> ProntoError:
    """Return the error of what must fail."""
    with pytest.raises(ProntoError) as raised:
        call()
    return raised.value


async def async_failure(call: Awaitable[object]) -> ProntoError:
    """Return the error of what must fail, for asyncio."""
    with pytest.raises(ProntoError) as raised:
        await call
    return raised.value


async def consume(events: AsyncIterable[v1.JobEvent]) -> list[v1.JobEvent]:
    """Read a stream to its end."""
    return [event async for event in events]


async def answer(call: Awaitable[T]) -> T:
    """Wait for a call."""
    return await call


async def seen(signal: threading.Semaphore) -> None:
    """Wait for a signal of the server."""
    assert await asyncio.to_thread(signal.acquire, timeout=SOON)
