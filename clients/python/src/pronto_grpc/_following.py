# SPDX-License-Identifier: Apache-2.0
"""What to do with what happens to a stream of events.

Pure: nothing here calls, waits or looks at a clock that it was not given. `follow` and
`aio.follow` do what is decided here.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import grpc

from pronto_grpc._clock import Clock
from pronto_grpc._closing import client_closed
from pronto_grpc._patience import Patience
from pronto_grpc._repeating import at_least
from pronto_grpc.errors import NoJobError, ProntoError, SequenceGapError
from pronto_grpc.v1 import (
    JOB_OUTCOME_COMPLETE,
    JOB_OUTCOME_INCOMPLETE,
    JOB_STATE_COMPLETED,
    JOB_STATE_INCOMPLETE,
    Job,
    JobCompleted,
    JobEvent,
    StartResponse,
    WatchJobRequest,
)

Followable = str | Job | StartResponse
"""What can be followed: the id of a job, a job, or the answer of a Start RPC."""

LONGEST_WAIT = threading.TIMEOUT_MAX / 2
"""No timer takes more; half of the most, since what is left is computed with rounding."""

_OUTCOMES = {
    JOB_STATE_COMPLETED: JOB_OUTCOME_COMPLETE,
    JOB_STATE_INCOMPLETE: JOB_OUTCOME_INCOMPLETE,
}
# The stream is fine again later, whoever says so: DEADLINE_EXCEEDED is a proxy's, since
# `follow` gives its calls no deadline.
_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
# Broken connections and reset streams look like this, and what proxies answer for a server that
# is away: 404 is UNIMPLEMENTED. The server's own errors with these codes have a reason.
_BREAKS = (
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
# So gRPC refuses a message that is larger than the client takes; it would come again.
_TOO_LARGE = "larger than max"
# The server has forgotten a job, or the events of one.
_FORGOTTEN = ("NOT_FOUND", "SEQUENCE_EXPIRED")


class Left(Exception):  # noqa: N818 (no error: the caller wants nothing more)
    """The caller left the iteration."""


@dataclass(frozen=True)
class Limits:
    """How a job is followed, in seconds."""

    patience: float = 600.0
    """So long to go on trying without any new event."""
    idle: float = 60.0
    """So long a silent stream is believed in."""
    timeout: float | None = None
    """So long to follow at most."""

    def __post_init__(self) -> None:
        # Written so that NaN is refused, too.
        if not self.patience > 0:
            raise ValueError(f"patience must be more than 0 s, and not {self.patience:g}")
        if not self.idle > 0:
            raise ValueError(f"idle must be more than 0 s, and not {self.idle:g}")
        if self.timeout is not None and not self.timeout >= 0:
            raise ValueError(f"timeout must be at least 0 s, and not {self.timeout:g}")


@dataclass
class Following:
    """Where a client is in the events of a job."""

    job_id: str
    last_sequence: int = 0
    progress: bool = False
    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=Clock)
    account: JobCompleted | None = None
    refusal: ProntoError | None = field(init=False, default=None)
    """Why the last attempt failed, until another one brings something."""
    _end: float | None = field(init=False, default=None)
    patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        if self.last_sequence < 0:
            raise ValueError(f"after must be at least 0, and not {self.last_sequence}")
        self.patience = Patience(self.limits.patience, self.clock)
        if self.limits.timeout is not None:
            self._end = self.clock.now() + self.limits.timeout

    def request(self) -> WatchJobRequest:
        """Ask for what comes next, in an attempt that begins now."""
        self.patience.try_on()
        return WatchJobRequest(job_id=self.job_id, after_sequence=self.last_sequence)

    def received(self, event: JobEvent) -> bool:
        """Take an event that came; true if it is to be handed out."""
        self.patience.heard()
        self.refusal = None
        if event.WhichOneof("event") == "progress":
            return self.progress
        if event.sequence <= self.last_sequence:
            return False
        if event.sequence != self.last_sequence + 1:
            raise SequenceGapError(self.job_id, self.last_sequence + 1, event.sequence)
        self.last_sequence = event.sequence
        self.patience.renew()
        if event.WhichOneof("event") == "completed":
            self.account = event.completed
        return True

    def failed(self, error: ProntoError) -> float:
        """Return how long to wait before the next attempt; raise what ends the stream."""
        if not goes_on(error):
            raise error
        self.refusal = error
        self.patience.broke()
        wait = at_least(error, self.patience.backoff())
        if self.patience.outlasted_by(wait):
            raise error
        return self.within_timeout(wait)

    def within_timeout(self, seconds: float) -> float:
        """Return `seconds`, or what is left of the caller's time; raise when it is over."""
        seconds = min(seconds, LONGEST_WAIT)
        if self._end is None:
            return seconds
        left = self._end - self.clock.now()
        if left <= 0:
            raise TimeoutError(
                f"job {self.job_id} was followed for {self.limits.timeout:g} s, up to event "
                f"{self.last_sequence}"
            )
        return min(seconds, left)

    def ended(self, job: Job) -> bool:
        """Take the job of a stream that ended without `completed`; true if it has ended, too.

        That is how it is when the events after `completed` were asked for.
        """
        outcome = _OUTCOMES.get(job.state)
        if outcome is None or job.last_sequence != self.last_sequence:
            return False
        self.account = JobCompleted(
            outcome=outcome, counts=job.counts, missing_indexes=job.missing_indexes
        )
        return True

    def ends(self, error: ProntoError) -> bool:
        """Whether an error is a good end: all but late results came, and the job is forgotten."""
        return self.account is not None and error.reason_name in _FORGOTTEN

    def silent(self) -> ProntoError:
        """Say that nothing came for too long, and count it."""
        self.patience.fell_silent(self.limits.idle)
        return _broken(f"the stream of job {self.job_id} was silent for {self.limits.idle:g} s")

    def cut_short(self) -> ProntoError:
        """Say that a stream ended before its job."""
        return _broken(f"the stream of job {self.job_id} ended before the job")

    def closed(self) -> ProntoError:
        """Say that the client was closed, and what it waited after."""
        return client_closed(self.refusal)


def goes_on(error: ProntoError) -> bool:
    """Whether a stream that ended with this error can be continued."""
    if error.code() in _PASSING:
        return True
    return error.code() in _BREAKS and not error.reason_name and _TOO_LARGE not in error.message


def job_id_of(source: Followable) -> str:
    """Return the id of a job to follow."""
    if isinstance(source, StartResponse):
        if not source.HasField("job"):
            raise NoJobError(
                "there is no job to follow: the request named a webhook_url, so Pronto sends the "
                "results there, and the server keeps none"
            )
        return job_id_of(source.job)
    job_id = source.id if isinstance(source, Job) else source
    if not job_id:
        raise NoJobError("there is no job to follow: its id is empty")
    return job_id


def _broken(message: str) -> ProntoError:
    return ProntoError(grpc.StatusCode.UNAVAILABLE, message)
