# SPDX-License-Identifier: Apache-2.0
"""Follows a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

import grpc

from pronto_grpc._credentials import CallMetadata
from pronto_grpc._ending import Ending
from pronto_grpc._following import Following, Left
from pronto_grpc._share import Share
from pronto_grpc._watchdog import TooLong, Watchdog
from pronto_grpc.errors import ProntoError
from pronto_grpc.v1 import GetJobRequest, JobCompleted, JobEvent

T = TypeVar("T")


class Follow(Iterator[JobEvent]):
    """The events of a job, each one once and none left out, however often the stream breaks.

    Iterate over it. Leave early with `break` and `close()`, or use it in a `with`; a job does
    not mind. Any thread may `close()` it: then the iteration is over. Where somebody closes the
    client, it raises `ProntoError` with CANCELLED, since it is not known what would have come.
    After an error it raises the same one again.
    """

    def __init__(
        self,
        share: Share,
        following: Following,
        *,
        metadata: CallMetadata = (),
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._share = share
        self._following = following
        self._metadata = tuple(metadata)
        self._closed = Ending()
        # Whether it was the client that was closed; set before `_closed`.
        self._with_client = False
        # What the iteration ended with.
        self._error: BaseException | None = None
        # A wait that `close` ends.
        self._pause = pause or self._closed.wait
        self._watchdog = Watchdog()
        self._stream: Any = None
        # What is to be cancelled to end the wait for the server.
        self._call: Any = None

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

        Where the iteration began behind `completed`, it is known after its end. It stays when the
        iteration fails behind `completed`: late results may come there, so that is an error. Who
        wants none of them leaves at `completed`.
        """
        return self._following.account

    def __iter__(self) -> Follow:
        return self

    def __next__(self) -> JobEvent:
        if self._error is not None:
            raise self._error
        try:
            event = self._next()
        except Left:
            event = None
        except BaseException as error:
            # Nothing comes after an error, and nothing goes on behind the caller's back.
            self._error = error
            self.close()
            raise
        if event is None:
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

    def close_with_client(self) -> None:
        """Stop following since the client is closed, which the iteration tells."""
        if not self._closed.is_set():
            self._with_client = True
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
            request = self._following.request()
            self._stream = self._share.jobs.WatchJob(request, metadata=self._metadata)
            return self._guarded(self._stream, self._open)
        return self._guarded(self._stream, lambda: next(self._stream, None))

    def _open(self) -> JobEvent | None:
        # Waits for the headers.
        self._stream.initial_metadata()
        self._following.patience.opened()
        return next(self._stream, None)

    def _has_ended(self) -> bool:
        if self._following.account is not None:
            return True
        self._following.patience.broke()
        question = GetJobRequest(job_id=self.job_id)
        request = self._share.jobs.GetJob.future(question, metadata=self._metadata)
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
            raise self._following.cut_short() from None

    def _check_closed(self) -> None:
        if self._closed.is_set():
            if self._call is not None:
                self._call.cancel()
            raise self._following.closed() if self._with_client else Left
