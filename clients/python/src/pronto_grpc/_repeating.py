# SPDX-License-Identifier: Apache-2.0
"""Which calls may be repeated, and when.

UNAVAILABLE from a broken connection may hide a call that was carried out and charged. So
only two kinds of calls are ever repeated: those that the API declares to be harmless, by
gRPC itself (`service_config`), and those with a request_id, by an interceptor (`Attempts`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

from pronto_grpc import v1
from pronto_grpc._clock import Clock
from pronto_grpc.errors import ProntoError

MAX_ATTEMPTS = 5
INITIAL_BACKOFF = 0.5
MAX_BACKOFF = 5.0
MULTIPLIER = 2
LONGEST_PAUSE = 30.0
"""Who calls without a timeout is told of a longer pause, instead of sitting it out."""
# As gRPC does it: each wait is up to a fifth shorter or longer.
JITTER = 0.2

_HARMLESS = (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)


def service_config(services: Iterable[ServiceDescriptor]) -> str:
    """Tell gRPC which methods it may repeat, as JSON."""
    names = [
        {"service": method.containing_service.full_name, "method": method.name}
        for method in harmless_methods(services)
    ]
    policy = {
        "maxAttempts": MAX_ATTEMPTS,
        "initialBackoff": f"{INITIAL_BACKOFF}s",
        "maxBackoff": f"{MAX_BACKOFF}s",
        "backoffMultiplier": MULTIPLIER,
        "retryableStatusCodes": [grpc.StatusCode.UNAVAILABLE.name],
    }
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": policy}]})


def harmless_methods(services: Iterable[ServiceDescriptor]) -> Iterator[MethodDescriptor]:
    """Find the methods whose `idempotency_level` says that a repeat is safe.

    Streams are left to `follow`: gRPC would repeat them without regard to RetryInfo, and
    `follow` would not know for how long they have failed.
    """
    for service in services:
        for method in service.methods:
            harmless = method.GetOptions().idempotency_level in _HARMLESS
            if harmless and not method.server_streaming:
                yield method


def api_services() -> list[ServiceDescriptor]:
    """Return the services of the API."""
    names = [name.removesuffix("Stub") for name in v1.__all__ if name.endswith("Stub")]
    pool = descriptor_pool.Default()
    return [pool.FindServiceByName(f"pronto.v1.{name}") for name in names]


def has_request_id(request: Any) -> bool:
    """Whether the server carries a request out once, however often it is sent."""
    if not isinstance(request, Message) or "request_id" not in request.DESCRIPTOR.fields_by_name:
        return False
    return bool(getattr(request, "request_id"))  # noqa: B009 (not every message has it)


class Attempts:
    """The attempts of one call with a request_id."""

    def __init__(self, timeout: float | None, clock: Clock) -> None:
        self._clock = clock
        self._end = None if timeout is None else clock.now() + timeout
        self._made = 0

    def timeout(self) -> float | None:
        """Return what is left of the caller's time: all attempts share it."""
        return None if self._end is None else max(0.0, self._end - self._clock.now())

    def wait_after(self, error: ProntoError) -> float | None:
        """Return how long to wait before the next attempt; None: there is none."""
        self._made += 1
        if error.code() is not grpc.StatusCode.UNAVAILABLE or self._made == MAX_ATTEMPTS:
            return None
        backoff = min(MAX_BACKOFF, INITIAL_BACKOFF * MULTIPLIER ** (self._made - 1))
        wait = at_least(error, backoff * (1 - JITTER + 2 * JITTER * self._clock.random()))
        left = self.timeout()
        if left is None:
            return wait if wait <= LONGEST_PAUSE else None
        # What the server said is worth more than a timeout while nothing happens.
        return wait if wait < left else None


def at_least(error: ProntoError, wait: float) -> float:
    """Return `wait`, or what the server asks for, if that is longer."""
    return wait if error.retry_delay is None else max(wait, error.retry_delay.total_seconds())
