# SPDX-License-Identifier: Apache-2.0
"""How long trying goes on, and with which pauses."""

from __future__ import annotations

from pronto_grpc._clock import Clock

BASE_WAIT = 0.1
MAX_WAIT = 10.0
STABLE = 10.0
"""A stream that brought something and lasted for so many seconds was well, whatever it brought."""


class Patience:
    """The time that a job was tried to be followed in vain.

    A stream is open from the moment when its headers came. The time before that and all waits
    count; the time in which it is open does not, however quiet it is. One that is given up, since
    it fell silent, ended with its last message, or with its headers where none came: its silence
    counts.
    """

    def __init__(self, limit: float, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        # What counted until `_trying_since`, and how many attempts failed meanwhile.
        self._spent = 0.0
        self._failures = 0
        # None while a stream is open, and while nobody tries.
        self._trying_since: float | None = None
        self._open_since: float | None = None
        # When a message came last.
        self._heard: float | None = None

    def try_on(self) -> None:
        """Count from now on, unless it is counted already."""
        if self._trying_since is None:
            self._trying_since = self._clock.now()

    def opened(self) -> None:
        """Stop counting: the server took the call."""
        self._spent = self._so_far()
        self._trying_since = None
        self._open_since = self._clock.now()
        self._heard = None

    def heard(self) -> None:
        """Note that a message came, which may be known already."""
        self._heard = self._clock.now()

    def renew(self) -> None:
        """Begin anew: something came that was not known before."""
        self._spent = 0.0
        self._failures = 0

    def fell_silent(self, idle: float) -> None:
        """Count again: the stream is given up, after so many seconds without a word at most."""
        if self._open_since is None:
            return
        last_sign = self._open_since if self._heard is None else self._heard
        # Behind a message the caller may have done something else before it waited for the next.
        silence = min(idle, self._clock.now() - last_sign)
        self._over(last_sign)
        self._spent += silence

    def broke(self) -> None:
        """Count again: the stream is over."""
        self._over(self._clock.now())

    def rest(self) -> None:
        """Stop counting until `try_on`: the caller does something else."""
        self.broke()
        self._spent = self._so_far()
        self._trying_since = None

    def backoff(self) -> float:
        """Return how long to wait after one more failure."""
        # Beyond that the exponent makes no difference, and would overflow in the end.
        exponent = min(self._failures, 16)
        self._failures += 1
        return min(MAX_WAIT, BASE_WAIT * 2.0**exponent) * self._clock.random()

    def outlasted_by(self, wait: float) -> bool:
        """Whether patience is over before a wait is."""
        return self._so_far() + wait >= self._limit

    def _over(self, end: float) -> None:
        """Count from now on. Begin anew if the stream was well until its end."""
        opened, self._open_since = self._open_since, None
        if opened is not None and self._heard is not None and end - opened >= STABLE:
            self.renew()
        self.try_on()

    def _so_far(self) -> float:
        if self._trying_since is None:
            return self._spent
        return self._spent + self._clock.now() - self._trying_since
