# SPDX-License-Identifier: Apache-2.0
"""Follows a job."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

import grpc

from pronto_grpc._following import Following
from pronto_grpc._share import Share
from pronto_grpc._watchdog import TooLong, Watchdog
from pronto_grpc.errors import ProntoError
from pronto_grpc.v1 import GetJobRequest, JobCompleted, JobEvent

T = TypeVar("T")


class Follow(Iterator[JobEvent]):
    """The events of a job, each one once and none left out, however often the stream breaks.

    Iterate over it. Leave early with `break` and `close()`, or use it in a `with`; a job does
    not mind. Another thread may `close()` it, or the client: then the iteration raises
    `concurrent.futures.CancelledError`, since it is not known what would have come.
    """

    def __init__(
        self,
        share: Share,
        following: Following,
        *,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._share = share
        self._following = following
        self._closed = threading.Event()
        # A wait that `close` ends.
        self._pause = pause or self._closed.wait
        self._watchdog = Watchdog()
        self._stream: Any = None
        # What is to be cancelled to end the wait for the server.
        self._call: Any = None
        self._over = False

    @property
    def job_id(self) -> str:
        """The job."""
        return self._following.job_id

    @property
    def last_sequence(self) -> int:
        """The sequence of the last event handed out: where to continue another time."""
        return self._following.last_sequence

    @property
    def account(self) -> JobCompleted | None:
        """How the job ended, and what arrived; None before `completed` came.

        Where the iteration began behind `completed`, it is known after its end.
        """
        return self._following.account

    def __iter__(self) -> Follow:
        return self

    def __next__(self) -> JobEvent:
        if self._over:
            raise StopIteration
        try:
            event = self._next()
        except BaseException:
            # Nothing comes after an error, and nothing goes on behind the caller's back.
            self.close()
            raise
        if event is None:
            self._over = True
            self.close()
            raise StopIteration
        return event

    def close(self) -> None:
        """Stop following. Any thread may do so; the job goes on."""
        self._stop()
        self._watchdog.join()

    def __enter__(self) -> Follow:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # An iteration that was left without `close`.
        if hasattr(self, "_watchdog"):
            self._stop()

    def _stop(self) -> None:
        self._closed.set()
        self._watchdog.stop()
        if self._call is not None:
            self._call.cancel()
        self._share.close()

    def _next(self) -> JobEvent | None:
        """Return the next event, and None at the end."""
        while True:
            self._check_closed()
            try:
                event = self._receive()
                if event is None:
                    if self._has_ended():
                        return None
                    raise self._following.cut_short()
            except ProntoError as error:
                self._check_closed()
                if self._following.ends(error):
                    return None
                self._stream = None
                self._pause(self._following.failed(error))
            except ValueError:
                # So gRPC refuses a call over a channel that is closed at this moment.
                self._check_closed()
                raise
            else:
                if self._following.received(event):
                    return event

    def _receive(self) -> JobEvent | None:
        if self._stream is None:
            self._stream = self._share.jobs.WatchJob(self._following.request())
        return self._guarded(self._stream, lambda: next(self._stream, None))

    def _has_ended(self) -> bool:
        if self._following.account is not None:
            return True
        request = self._share.jobs.GetJob.future(GetJobRequest(job_id=self.job_id))
        answer = self._guarded(request, request.result)
        return self._following.ended(answer.job)

    def _guarded(self, call: Any, wait: Callable[[], T]) -> T:
        """Wait for a call, for as long as silence is believed in."""
        self._call = call
        # Closed in between: `close` has not seen this call.
        self._check_closed()
        seconds = self._following.within_timeout(self._following.limits.idle)
        try:
            with self._watchdog.guard(call.cancel, seconds):
                return wait()
        except TooLong as error:
            # The caller's own time may be what is over.
            self._following.within_timeout(seconds)
            self._share.leave()
            raise self._following.silent() from error
        except grpc.FutureCancelledError:
            self._check_closed()
            raise

    def _check_closed(self) -> None:
        if self._closed.is_set():
            if self._call is not None:
                self._call.cancel()
            raise concurrent.futures.CancelledError(f"the stream of job {self.job_id} was closed")
