# SPDX-License-Identifier: Apache-2.0
"""Where a server is, and whether what is sent there stays on this machine."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

DEFAULT = "localhost:50051"

_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[A-Za-z0-9._-]+):(?P<port>\d+)")
# Behind `//` a relative path would lose its first folder as a host's name.
_SOCKET = re.compile(r"unix:(?://(?=/)|(?!//)).+")


@dataclass(frozen=True)
class Endpoint:
    """The address of a server."""

    target: str
    """The address, as gRPC takes it."""
    unix: bool
    """Whether it is a Unix socket."""
    local: bool
    """Whether it is of this machine, so that nothing sent there is on a network."""


def parse(target: str) -> Endpoint:
    """Read `HOST:PORT`, `unix:PATH` or `unix:///PATH`."""
    if _SOCKET.fullmatch(target):
        return Endpoint(target, unix=True, local=True)
    match = _HOST_AND_PORT.fullmatch(target)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(
            f"{target!r} is no address of a server: write HOST:PORT (an IPv6 address in "
            "brackets), unix:PATH or unix:///PATH"
        )
    return Endpoint(target, unix=False, local=_is_loopback(match["host"].strip("[]")))


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name. Whatever it resolves to now, it may resolve to something else later.
        return False
