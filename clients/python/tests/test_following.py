# SPDX-License-Identifier: Apache-2.0
"""Decisions about a stream, without one."""

from __future__ import annotations

import threading

import grpc
import pytest
from fake import JOB, Time, lead, progress

from pronto_grpc import NoJobError, ProntoError, v1
from pronto_grpc._clock import Clock
from pronto_grpc._following import Following, Limits, job_id_of

BROKEN = ProntoError(grpc.StatusCode.UNAVAILABLE, "broken")


def following(time: Time, patience: float = 600, idle: float = 60) -> Following:
    return Following(JOB, limits=Limits(patience=patience, idle=idle), clock=time.clock)


def test_waits_grow_to_ten_seconds(time: Time) -> None:
    state = following(time)
    waits = [state.failed(BROKEN) for _ in range(30)]
    assert waits[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert set(waits[7:]) == {10.0}


def test_waits_are_random_down_to_nothing() -> None:
    state = Following(JOB, clock=Clock(random=lambda: 0.0))
    assert state.failed(BROKEN) == 0.0


def test_a_stream_that_lasts_takes_no_patience(time: Time) -> None:
    state = following(time, patience=60)
    for _ in range(100):
        state.request()
        time.seconds += 1
        state.patience.opened()
        state.received(progress())
        time.seconds += 10
        assert state.failed(BROKEN) == pytest.approx(0.1)


def fall_silent(state: Following, time: Time, *messages: float) -> float:
    """Open a stream with messages after so many seconds each, and give it up; return the wait."""
    state.request()
    state.patience.opened()
    for seconds in messages:
        time.seconds += seconds
        state.received(progress())
    time.seconds += state.limits.idle
    return state.failed(state.silent())


@pytest.mark.parametrize("messages", [(), (1.0, 8.9)], ids=["none", "some"])
def test_a_silence_takes_patience(time: Time, messages: tuple[float, ...]) -> None:
    state = following(time, patience=150, idle=60)
    assert fall_silent(state, time, *messages) == pytest.approx(0.1)
    assert fall_silent(state, time, *messages) == pytest.approx(0.2)
    with pytest.raises(ProntoError, match="silent for 60 s"):
        fall_silent(state, time, *messages)


def test_only_the_silence_takes_patience(time: Time) -> None:
    state = following(time, patience=150, idle=60)
    for _ in range(2):
        fall_silent(state, time, 9.9)
    # 120 s are spent, and not what the streams lasted before.
    time.seconds += 29
    assert state.failed(BROKEN) == pytest.approx(0.4)


def test_a_stream_that_was_well_before_it_fell_silent_begins_anew(time: Time) -> None:
    state = following(time, patience=61, idle=60)
    for _ in range(100):
        assert fall_silent(state, time, 1, 9) == pytest.approx(0.1)
    # Of what is spent, all is the last silence.
    time.seconds += 1
    with pytest.raises(ProntoError, match="broken"):
        state.failed(BROKEN)


def test_a_silence_is_no_time_in_which_a_stream_was_well(time: Time) -> None:
    state = following(time, patience=3600, idle=60)
    assert fall_silent(state, time, 1) == pytest.approx(0.1)
    assert fall_silent(state, time, 1) == pytest.approx(0.2)


def test_the_time_of_a_slow_consumer_is_no_silence(time: Time) -> None:
    state = following(time, patience=61, idle=60)
    state.request()
    state.patience.opened()
    state.received(progress())
    # The caller is busy, and then waits in vain.
    time.seconds += 3600 + state.limits.idle
    assert state.failed(state.silent()) == pytest.approx(0.1)


@pytest.mark.parametrize(("message", "seconds"), [(True, 9.9), (False, 3600.0)])
def test_a_stream_that_is_short_or_brings_nothing_renews_nothing(
    time: Time, message: bool, seconds: float
) -> None:
    state = following(time, patience=60)
    for _ in range(2):
        state.request()
        time.seconds += 29
        state.patience.opened()
        if message:
            state.received(progress())
        time.seconds += seconds
        wait = state.failed(BROKEN)
    assert wait == pytest.approx(0.2)
    time.seconds += 3
    with pytest.raises(ProntoError, match="broken"):
        state.failed(BROKEN)


def test_patience_counts_from_the_beginning(time: Time) -> None:
    state = following(time, patience=60)
    state.request()
    time.seconds += 60
    with pytest.raises(ProntoError, match="broken"):
        state.failed(BROKEN)


def test_what_the_caller_does_in_between_takes_no_patience(time: Time) -> None:
    state = following(time, patience=60)
    state.request()
    time.seconds += 50
    state.patience.rest()
    time.seconds += 3600
    state.request()
    assert state.failed(BROKEN) == pytest.approx(0.1)
    time.seconds += 10
    with pytest.raises(ProntoError, match="broken"):
        state.failed(BROKEN)


def test_the_request_continues_after_the_last_event(time: Time) -> None:
    state = following(time)
    state.received(lead(1))
    assert state.request() == v1.WatchJobRequest(job_id=JOB, after_sequence=1)


@pytest.mark.parametrize("source", [JOB, v1.Job(id=JOB), v1.StartResponse(job=v1.Job(id=JOB))])
def test_what_can_be_followed(source: str | v1.Job | v1.StartResponse) -> None:
    assert job_id_of(source) == JOB


@pytest.mark.parametrize("source", ["", v1.Job(), v1.StartResponse()])
def test_what_cannot_be_followed(source: str | v1.Job | v1.StartResponse) -> None:
    with pytest.raises(NoJobError):
        job_id_of(source)


def test_the_error_names_the_webhook_url() -> None:
    with pytest.raises(NoJobError, match="webhook_url"):
        job_id_of(v1.StartResponse())


@pytest.mark.parametrize("value", [0, -1, float("nan")])
@pytest.mark.parametrize("name", ["idle", "patience", "timeout"])
def test_limits_that_make_no_sense(name: str, value: float) -> None:
    if name == "timeout" and value == 0:
        return
    with pytest.raises(ValueError, match=f"{name} must be"):
        Limits(**{name: value})


def test_no_timer_gets_more_than_it_takes() -> None:
    state = Following(JOB, limits=Limits(timeout=float("inf")))
    assert state.within_timeout(float("inf")) <= threading.TIMEOUT_MAX


def test_after_a_sequence_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="after"):
        Following(JOB, -1)


def test_a_message_that_is_too_large_would_come_again(time: Time) -> None:
    # As grpcio words it.
    message = "CLIENT: Received message larger than max (67108865 vs. 67108864)"
    with pytest.raises(ProntoError, match="larger than max"):
        following(time).failed(ProntoError(grpc.StatusCode.RESOURCE_EXHAUSTED, message))
