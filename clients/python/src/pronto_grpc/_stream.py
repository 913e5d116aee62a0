# SPDX-License-Identifier: Apache-2.0
"""A stream that has a place on a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pronto_grpc._share import Share


class Stream:
    """A stream of gRPC's, which gives its place back with its end, or when it is dropped.

    A connection that nobody needs then is closed by whoever reads the end or cancels the stream;
    where nobody does, by the next one who gives a place back.
    """

    def __init__(self, share: Share, call: Any) -> None:
        self._share = share
        self._call = call
        # Not with this stream, which gRPC would keep then: it cancels a call that is dropped.
        if not call.add_callback(share.vacate):
            share.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except BaseException:
            # What a signal handler raised does not end the stream.
            if not self._call.is_active():
                self._share.close()
            raise

    def cancel(self) -> bool:
        """End the stream."""
        try:
            return bool(self._call.cancel())
        finally:
            self._share.close()

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call back with the stream at its end. Until then it is not dropped."""
        self._call.add_done_callback(lambda _: callback(self))
