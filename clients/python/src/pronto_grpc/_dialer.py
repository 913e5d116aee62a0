# SPDX-License-Identifier: Apache-2.0
"""Opens channels."""

from __future__ import annotations

import grpc

from pronto_grpc._channel import Channel
from pronto_grpc._connection import Connection
from pronto_grpc._ending import Ending
from pronto_grpc._interceptors import AddCredentials, Repeat, TypeErrors


class Dialer:
    """Opens the channels of one client, each with a connection of its own."""

    def __init__(self, connection: Connection, compression: grpc.Compression | None) -> None:
        self._connection = connection
        self._compression = compression
        # Set when the client is closed; ends what waits between attempts.
        self.closed = Ending()

    def open(self) -> grpc.Channel:
        """Open one more channel; the first call over it connects."""
        to = self._connection
        if to.tls is None:
            channel = grpc.insecure_channel(to.target, to.options, self._compression)
        else:
            channel = grpc.secure_channel(to.target, to.tls, to.options, self._compression)
        type_errors, repeat = TypeErrors(self.closed), Repeat(self.closed)
        # From the outside in: each attempt of a repeated call carries the token of its time.
        add = AddCredentials(to.credentials)
        return grpc.intercept_channel(Channel(channel), type_errors, repeat, add)
