# SPDX-License-Identifier: Apache-2.0
"""Options of channels."""

from __future__ import annotations

from pronto_grpc._endpoint import Endpoint
from pronto_grpc._repeating import api_services, service_config

ChannelOptions = list[tuple[str, str | int]]

MAX_MESSAGE = 64 << 20


def channel_options(endpoint: Endpoint) -> ChannelOptions:
    """Return the options of a channel to a server."""
    options: ChannelOptions = [
        # The server sends up to its max-response-size, 32 MiB by default.
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.service_config", service_config(api_services())),
        # Of a connection that is silent while calls are under way it is asked whether it is
        # still there, as often as needed: without 0, gRPC stops asking after two questions.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # It is this clock that runs out where no answer comes; without it after a minute.
        ("grpc.http2.ping_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.http2.max_pings_without_data", 0),
        # gRPC would let channels to the same server share one connection, and a second channel
        # could not leave one that is dead.
        ("grpc.use_local_subchannel_pool", 1),
        # A server that comes back is found soon; gRPC would wait for up to two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 10_000),
    ]
    if endpoint.unix:
        # Not the path of the socket, which is no name of a host.
        options.append(("grpc.default_authority", "localhost"))
    if endpoint.local:
        # A proxy of the environment (http_proxy) is on another machine.
        options.append(("grpc.enable_http_proxy", 0))
    return options
