# SPDX-License-Identifier: Apache-2.0
"""A way to a server whose connections can die without a word, as behind a dead NAT."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from fake import SOON


class Wire:
    """Carries connections to a server."""

    def __init__(self, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections: list[Connection] = []
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def freeze(self) -> None:
        """Carry nothing more on the connections that there are; new ones work."""
        for connection in self.connections:
            connection.frozen = True

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # To close a socket does not wake up who accepts on it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(SOON)
        self._listener.close()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self.connections.append(Connection(client, server))


class Connection:
    """One connection of a client."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.frozen = False
        # Set when the client has closed it.
        self.left = threading.Event()
        self._sockets = (client, server)
        self._threads = (
            threading.Thread(target=self._calls, args=(client, server)),
            threading.Thread(target=self._carry, args=(server, client)),
        )
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End it, and what carries it."""
        for end in self._sockets:
            _hang_up(end)
        for thread in self._threads:
            thread.join(SOON)
        for end in self._sockets:
            end.close()

    def _calls(self, client: socket.socket, server: socket.socket) -> None:
        self._carry(client, server)
        self.left.set()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            # What comes on a frozen connection is taken, and lost.
            while data := source.recv(1 << 16):
                if not self.frozen:
                    sink.sendall(data)
        if not self.frozen:
            _hang_up(sink)


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
