# SPDX-License-Identifier: Apache-2.0
"""The end of a client or of a follow, which is waited for."""

from __future__ import annotations

import contextlib
import threading


class Ending:
    """An event that happens once; a signal handler may set it.

    One that interrupts a wait for a `threading.Event` may find its lock held by that wait, and
    never returns.
    """

    def __init__(self) -> None:
        self._is_set = False
        # Held until the end. To take and to release it are single steps, which nothing interrupts.
        self._gate = threading.Lock()
        self._gate.acquire()

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Let it happen, and end all waits."""
        self._is_set = True
        self._open()

    def wait(self, seconds: float) -> bool:
        """Wait for it, but not for longer than `seconds`. Return whether it has happened."""
        if self._gate.acquire(timeout=seconds):
            # For all others who wait.
            self._open()
        return self._is_set

    def _open(self) -> None:
        # Somebody else may have opened it in between.
        with contextlib.suppress(RuntimeError):
            self._gate.release()
