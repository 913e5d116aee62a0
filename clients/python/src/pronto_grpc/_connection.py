# SPDX-License-Identifier: Apache-2.0
"""What `connect` is told, checked once for both kinds of channels."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from pronto_grpc import _endpoint
from pronto_grpc._credentials import Credentials, PathLike, check_not_exposed
from pronto_grpc._options import ChannelOptions, channel_options
from pronto_grpc._tls import Tls


@dataclass(frozen=True)
class Connection:
    """How to reach a server, and as whom."""

    target: str
    options: ChannelOptions
    tls: grpc.ChannelCredentials | None
    credentials: Credentials


def plan(
    target: str,
    *,
    tls: bool | Tls,
    token: str | None,
    token_file: PathLike | None,
    api_key: str | None,
    allow_insecure: bool,
) -> Connection:
    """Check what a caller wants, and read the files that it names."""
    endpoint = _endpoint.parse(target)
    if tls and endpoint.unix:
        raise ValueError(
            "tls and unix: exclude each other: the server's Unix sockets never speak TLS"
        )
    credentials = Credentials(token=token, token_file=token_file, api_key=api_key)
    check_not_exposed(credentials, endpoint, tls=bool(tls), allow_insecure=allow_insecure)
    settings = Tls() if tls is True else tls
    return Connection(
        target=endpoint.target,
        options=channel_options(endpoint),
        tls=settings.credentials() if settings else None,
        credentials=credentials,
    )
