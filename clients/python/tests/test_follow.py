# SPDX-License-Identifier: Apache-2.0
"""Following a job over a real connection; each test runs with both clients."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest
from conftest import Run
from fake import JOB, SOON, Refusal, Server, Time, completed, lead, progress, started

from pronto_grpc import ProntoError, SequenceGapError, v1
from pronto_grpc._patience import Patience

UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE)

PASSING = [
    UNAVAILABLE,
    Refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING"),
    Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING"),
    Refusal(grpc.StatusCode.UNAVAILABLE, "STREAM_TOO_OLD"),
    Refusal(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
    Refusal(grpc.StatusCode.DEADLINE_EXCEEDED),
    Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    Refusal(grpc.StatusCode.INTERNAL),
    Refusal(grpc.StatusCode.INTERNAL, "SOMETHING", domain="proxy.example"),
    Refusal(grpc.StatusCode.UNKNOWN),
    Refusal(grpc.StatusCode.CANCELLED),
    Refusal(grpc.StatusCode.UNIMPLEMENTED),
    Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED),
]

FINAL = [
    Refusal(grpc.StatusCode.INTERNAL, "INTERNAL"),
    Refusal(grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN"),
    Refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    Refusal(grpc.StatusCode.OUT_OF_RANGE, "SEQUENCE_EXPIRED"),
    Refusal(grpc.StatusCode.FAILED_PRECONDITION, "JOB_FAILED"),
    Refusal(grpc.StatusCode.ABORTED, "JOB_CANCELLED"),
    Refusal(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED_CLIENT"),
    Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
    Refusal(grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED"),
]


def name(refusal: Refusal) -> str:
    return f"{refusal.code.name}-{refusal.reason}"


def test_a_whole_job(server: Server, follow: Run) -> None:
    server.streams.append([started(), lead(2), completed(3, missing=(4,))])
    assert follow() == [1, 2, 3]
    assert server.watched_after == [0]
    assert follow.account is not None
    assert follow.account.outcome == v1.JOB_OUTCOME_COMPLETE
    assert follow.account.missing_indexes == [4]


@pytest.mark.parametrize("refusal", PASSING, ids=name)
def test_goes_on_after_what_passes(server: Server, follow: Run, refusal: Refusal) -> None:
    server.streams.extend([[started(), lead(2), refusal], [refusal], [lead(3), completed(4)]])
    assert follow() == [1, 2, 3, 4]
    assert server.watched_after == [0, 2, 2]


@pytest.mark.parametrize("refusal", FINAL, ids=name)
def test_raises_what_is_final(server: Server, follow: Run, refusal: Refusal) -> None:
    server.streams.extend([[started(), refusal], [lead(2), completed(3)]])
    with pytest.raises(ProntoError) as raised:
        follow()
    assert raised.value.code() is refusal.code
    assert raised.value.reason_name == refusal.reason
    assert follow.sequences == [1]
    assert server.watched_after == [0]


def test_a_gap_is_an_error(server: Server, follow: Run) -> None:
    server.streams.append([started(), lead(3), completed(4)])
    with pytest.raises(SequenceGapError) as raised:
        follow()
    assert (raised.value.job_id, raised.value.expected, raised.value.got) == (JOB, 2, 3)
    assert follow.sequences == [1]


def test_repeats_are_dropped(server: Server, follow: Run) -> None:
    server.streams.extend([[started(), lead(2), UNAVAILABLE], [started(), lead(2), completed(3)]])
    assert follow() == [1, 2, 3]


def test_progress_is_left_out(server: Server, follow: Run) -> None:
    server.streams.append([progress(), started(), progress(), completed(2)])
    assert follow() == [1, 2]


def test_progress_is_handed_out_if_wanted(server: Server, follow: Run) -> None:
    server.streams.append([started(), progress(), completed(2)])
    assert follow(progress=True) == [1, 0, 2]


def test_waits_as_long_as_the_server_asks(server: Server, follow: Run, time: Time) -> None:
    draining = Refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING", retry_delay=7.0)
    server.streams.extend([[started(), draining], [completed(2)]])
    assert follow() == [1, 2]
    assert time.waits == [7.0]


def test_a_new_event_begins_the_waits_anew(server: Server, follow: Run, time: Time) -> None:
    server.streams.extend(
        [[UNAVAILABLE], [UNAVAILABLE], [started(), UNAVAILABLE], [lead(2), completed(3)]]
    )
    assert follow() == [1, 2, 3]
    assert time.waits == pytest.approx([0.1, 0.2, 0.1])


@pytest.mark.parametrize("known", [started(), progress()], ids=["known", "progress"])
def test_what_brings_nothing_new_is_given_up(
    server: Server, follow: Run, time: Time, known: v1.JobEvent
) -> None:
    server.streams.append([started(), UNAVAILABLE])
    server.streams.extend([[known, UNAVAILABLE]] * 100)
    with pytest.raises(ProntoError):
        follow(patience=60, progress=True)
    assert 50 <= sum(time.waits) < 60
    assert time.waits[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])


def test_a_quiet_stream_takes_no_patience(
    server: Server, follow: Run, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is open when its headers came, before the first message."""
    opened = threading.Semaphore(0)
    really = Patience.opened

    def note(patience: Patience) -> None:
        really(patience)
        opened.release()

    def quiet(context: Any) -> None:
        context.send_initial_metadata(())
        # Of the stream before, and of this one.
        assert opened.acquire(timeout=SOON)
        assert opened.acquire(timeout=SOON)
        time.seconds += 3600

    monkeypatch.setattr(Patience, "opened", note)
    server.streams.extend([[UNAVAILABLE], [quiet, UNAVAILABLE], [started(), completed(2)]])
    assert follow(patience=60) == [1, 2]
    # Nothing came on the quiet stream.
    assert time.waits == pytest.approx([0.1, 0.2])


def test_a_stream_that_takes_long_to_open_takes_patience(
    server: Server, follow: Run, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = threading.Event()
    monkeypatch.setattr(Patience, "opened", lambda _: opened.set())

    def late(_: Any) -> None:
        # No headers were sent, so this is in vain.
        assert not opened.wait(0.1)
        time.seconds += 60

    server.streams.extend([[late, UNAVAILABLE], [started(), completed(2)]])
    with pytest.raises(ProntoError):
        follow(patience=60)
    assert server.watched_after == [0]


def test_limits_without_end(server: Server, follow: Run) -> None:
    never = float("inf")
    server.streams.extend([[UNAVAILABLE], [started(), completed(2)]])
    assert follow(idle=never, patience=never, timeout=never) == [1, 2]


def test_patience_ends(server: Server, follow: Run, time: Time) -> None:
    server.streams.append([started(), UNAVAILABLE])
    server.streams.extend([[Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING")]] * 100)
    with pytest.raises(ProntoError) as raised:
        follow(patience=60)
    assert raised.value.reason == v1.ERROR_REASON_STARTING
    assert 50 <= sum(time.waits) < 60


def test_without_patience_the_first_error_is_raised(server: Server, follow: Run) -> None:
    server.streams.append([started(), UNAVAILABLE])
    with pytest.raises(ProntoError):
        follow(patience=0.01)
    assert server.watched_after == [0]


def test_the_time_of_the_caller_ends(server: Server, follow: Run, time: Time) -> None:
    server.streams.extend([[UNAVAILABLE]] * 100)
    with pytest.raises(TimeoutError, match=JOB):
        follow(timeout=5)
    assert sum(time.waits) == pytest.approx(5)


def test_ends_behind_completed(server: Server, follow: Run) -> None:
    account = v1.JobCompleted(
        outcome=v1.JOB_OUTCOME_INCOMPLETE,
        counts=v1.JobCounts(delivered=1),
        missing_indexes=[0, 4],
    )
    job = v1.Job(id=JOB, state=v1.JOB_STATE_INCOMPLETE, last_sequence=3, counts=account.counts)
    job.missing_indexes.extend(account.missing_indexes)
    server.streams.append([])
    server.jobs.append(job)
    assert follow(after=3) == []
    assert follow.account == account


@pytest.mark.parametrize(
    "job",
    [
        v1.Job(id=JOB, state=v1.JOB_STATE_RUNNING, last_sequence=1),
        v1.Job(id=JOB, state=v1.JOB_STATE_COMPLETED, last_sequence=2),
        Refusal(grpc.StatusCode.INTERNAL),
    ],
    ids=["runs", "has more", "not told"],
)
def test_goes_on_when_the_job_does(server: Server, follow: Run, job: v1.Job | Refusal) -> None:
    server.streams.extend([[started()], [completed(2)]])
    server.jobs.append(job)
    assert follow() == [1, 2]
    assert server.watched_after == [0, 1]


def test_late_results_are_handed_out(server: Server, follow: Run) -> None:
    server.streams.extend([[started(), completed(2), lead(3), UNAVAILABLE], [lead(4)]])
    assert follow() == [1, 2, 3, 4]
    assert follow.account == completed(2).completed


@pytest.mark.parametrize("reason", ["NOT_FOUND", "SEQUENCE_EXPIRED"])
def test_a_job_that_is_forgotten_after_completed_has_ended(
    server: Server, follow: Run, reason: str
) -> None:
    forgotten = Refusal(grpc.StatusCode.NOT_FOUND, reason)
    server.streams.extend([[started(), completed(2), UNAVAILABLE], [forgotten]])
    assert follow() == [1, 2]
    assert follow.account == completed(2).completed


@pytest.mark.parametrize("refusal", [UNAVAILABLE, Refusal(grpc.StatusCode.UNAUTHENTICATED)])
def test_the_account_stays_when_a_later_step_fails(
    server: Server, follow: Run, refusal: Refusal
) -> None:
    server.streams.append([started(), completed(2), UNAVAILABLE])
    server.streams.extend([[refusal]] * 100)
    with pytest.raises(ProntoError) as raised:
        follow(patience=60)
    assert raised.value.code() is refusal.code
    assert follow.sequences == [1, 2]
    assert follow.account == completed(2).completed
