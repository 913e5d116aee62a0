# SPDX-License-Identifier: Apache-2.0
"""The connections of streams; for threads and for asyncio."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

# Less than servers allow on a connection (`max-streams`, 256 unless they are told otherwise), and
# no more than proxies often do. A stream above that waits unseen, and would be found silent.
STREAMS_PER_LINE = 100

Channel = TypeVar("Channel")


class Line(Generic[Channel]):
    """A connection, and who holds it."""

    def __init__(self, channel: Channel, holder: object) -> None:
        self.channel = channel
        # Weakly: a follow or a stream that was left without an end holds nothing any more.
        self.holders: weakref.WeakSet[object] = weakref.WeakSet([holder])
        # A stream fell silent on it, so it may be dead: it takes no others.
        self.silent = False


class Pool(Generic[Channel]):
    """The connections of a client's follows and streaming RPCs, as few as are enough.

    They are not those of calls, which would wait once the streams that a server allows on a
    connection are all taken. Whoever gives something back closes what then nobody holds: that
    is done in one way for threads and in another for asyncio.
    """

    def __init__(self, open_channel: Callable[[], Channel]) -> None:
        self._open = open_channel
        # In the order in which they were opened.
        self._lines: dict[Line[Channel], None] = {}
        self._closed = False
        # A thread may take it twice: the garbage collector closes generators that follow a job,
        # and may do so in the middle of what is below.
        self._lock = threading.RLock()

    def take(self, holder: object) -> Line[Channel]:
        """Return a line with room for one more, which is opened if there is none."""
        with self._lock:
            if self._closed:
                raise ValueError("the client is closed")
            for line in tuple(self._lines):
                # Held before it is looked at, so that nobody closes it in between.
                line.holders.add(holder)
                if self._takes_more(line):
                    return line
                line.holders.discard(holder)
            line = Line(self._open(), holder)
            self._lines[line] = None
            return line

    def give_back(
        self, line: Line[Channel], holder: object, *, silent: bool = False
    ) -> list[Channel]:
        """Hold a line no longer. Return the channels that nobody needs any more.

        All whose streams fall silent on a line go on together on the next one; those who still
        hear something stay.
        """
        with self._lock:
            line.silent = line.silent or silent
            line.holders.discard(holder)
            return [unused.channel for unused in tuple(self._lines) if self._drops(unused)]

    def shut(self) -> list[Channel]:
        """Open nothing more. Return all channels."""
        with self._lock:
            self._closed = True
            lines, self._lines = self._lines, {}
            return [line.channel for line in lines]

    def is_shut(self) -> bool:
        """Whether `shut` was called."""
        return self._closed

    def _takes_more(self, line: Line[Channel]) -> bool:
        """Whether there is room on a line, with its newest holder on it."""
        return line in self._lines and not line.silent and len(line.holders) <= STREAMS_PER_LINE

    def _drops(self, line: Line[Channel]) -> bool:
        """Drop a line that nobody holds. One that is well stays, for the next stream.

        Once all are shut none does: a signal handler may have shut them while one was opened.
        """
        well = not line.silent and not self._closed
        if line.holders or (well and len(self._lines) == 1):
            return False
        self._lines.pop(line, None)
        return True
