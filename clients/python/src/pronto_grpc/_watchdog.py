# SPDX-License-Identifier: Apache-2.0
"""Ends calls that are silent for too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TooLong(Exception):  # noqa: N818 (no error yet: who guards decides what it means)
    """Something took longer than it may, and was cancelled."""


class Watchdog:
    """Cancels what takes too long, from a thread of its own.

    One thread serves a whole stream. To guard the wait for one more event takes it a lock and
    no waking up, unless the wait is too long indeed.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._cancel: Callable[[], object] | None = None
        self._due = 0.0
        # When the thread looks again by itself; None: it sleeps until it is woken.
        self._wakes: float | None = None
        self._stopped = False
        # A condition cannot be notified in the middle of that, as by a signal handler.
        self._arming = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def guard(self, cancel: Callable[[], object], seconds: float) -> Iterator[None]:
        """Call `cancel` when the block takes longer than `seconds`; then raise TooLong."""
        self._arm(cancel, seconds)
        try:
            yield
        except Exception as error:
            # The error is that of a cancelled call, and says nothing of why.
            if self._disarm():
                raise TooLong from error
            raise
        else:
            # What came at the last moment counts.
            self._disarm()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            if self._stopped:
                return
            self._stopped = True
            if not self._arming:
                self._changed.notify()

    def join(self) -> None:
        """Wait until the thread has ended.

        Not for ever: who closes in a signal handler may have interrupted who holds the lock.
        """
        if self._thread is not None:
            self._thread.join(1.0)

    def _arm(self, cancel: Callable[[], object], seconds: float) -> None:
        with self._changed:
            self._arming = True
            try:
                self._cancel = cancel
                self._due = time.monotonic() + seconds
                self._wake()
            finally:
                self._arming = False
                if self._stopped:
                    self._changed.notify()

    def _wake(self) -> None:
        """See that the thread looks in time."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="pronto-watchdog", daemon=True)
            thread.start()
            # Known when it runs only: who closes in a signal handler joins it.
            self._thread = thread
        elif self._wakes is None or self._due < self._wakes:
            self._changed.notify()

    def _disarm(self) -> bool:
        with self._changed:
            cancelled = self._cancel is None
            self._cancel = None
            return cancelled

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                left = None if self._cancel is None else self._due - time.monotonic()
                if self._cancel is not None and left is not None and left <= 0:
                    cancel, self._cancel = self._cancel, None
                    cancel()
                    left = None
                self._wakes = None if left is None else time.monotonic() + left
                self._changed.wait(left)
