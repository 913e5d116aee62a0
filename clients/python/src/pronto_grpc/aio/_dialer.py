# SPDX-License-Identifier: Apache-2.0
"""Opens channels."""

from __future__ import annotations

import grpc
from grpc import aio

from pronto_grpc._connection import Connection
from pronto_grpc.aio._ending import Ending
from pronto_grpc.aio._interceptors import interceptors


class Dialer:
    """Opens the channels of one client, each with a connection of its own."""

    def __init__(self, connection: Connection, compression: grpc.Compression | None) -> None:
        self._connection = connection
        self._compression = compression
        # Set when the client is closed.
        self.closed = Ending()

    def open(self) -> aio.Channel:
        """Open one more channel; the first call over it connects."""
        to = self._connection
        outside_in = interceptors(to.credentials, self.closed)
        if to.tls is None:
            return aio.insecure_channel(to.target, to.options, self._compression, outside_in)
        return aio.secure_channel(to.target, to.tls, to.options, self._compression, outside_in)
