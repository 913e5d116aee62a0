# SPDX-License-Identifier: Apache-2.0
"""Decisions about a stream, without one."""

from __future__ import annotations

import grpc
import pytest
from fake import JOB, Time, lead, progress

from pronto_grpc import NoJobError, ProntoError, v1
from pronto_grpc._clock import Clock
from pronto_grpc._following import Following, Limits, job_id_of

BROKEN = ProntoError(grpc.StatusCode.UNAVAILABLE, "broken")


def following(time: Time, patience: float = 600) -> Following:
    return Following(JOB, limits=Limits(patience=patience), clock=time.clock)


def test_waits_grow_to_ten_seconds(time: Time) -> None:
    state = following(time)
    waits = [state.failed(BROKEN) for _ in range(30)]
    assert waits[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert set(waits[7:]) == {10.0}


def test_waits_are_random_down_to_nothing() -> None:
    state = Following(JOB, clock=Clock(random=lambda: 0.0))
    assert state.failed(BROKEN) == 0.0


def test_a_quiet_healthy_stream_takes_no_patience(time: Time) -> None:
    state = following(time, patience=60)
    state.received(lead(1))
    time.seconds += 3600
    assert state.failed(BROKEN) == pytest.approx(0.1)
    time.seconds += 59
    state.received(progress())
    time.seconds += 3600
    assert state.failed(BROKEN) == pytest.approx(0.1)


def test_patience_counts_from_the_first_failure(time: Time) -> None:
    state = following(time, patience=60)
    state.failed(BROKEN)
    time.seconds += 60
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


@pytest.mark.parametrize("limits", [{"idle": 0}, {"patience": -1}, {"timeout": -1}])
def test_limits_that_make_no_sense(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Limits(**limits)


def test_after_a_sequence_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="after"):
        Following(JOB, -1)


def test_a_message_that_is_too_large_would_come_again(time: Time) -> None:
    # As grpcio words it.
    message = "CLIENT: Received message larger than max (67108865 vs. 67108864)"
    with pytest.raises(ProntoError, match="larger than max"):
        following(time).failed(ProntoError(grpc.StatusCode.RESOURCE_EXHAUSTED, message))
