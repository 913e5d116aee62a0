# SPDX-License-Identifier: Apache-2.0
"""What is done with every call: credentials, repeats, typed errors.

A channel of grpc.aio takes an interceptor for one kind of calls only, so there are two
of some.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

from grpc import aio

from pronto_grpc._clock import Clock
from pronto_grpc._credentials import Credentials
from pronto_grpc._repeating import Attempts, has_request_id
from pronto_grpc.errors import ProntoError

_FIELDS = ("method", "timeout", "metadata", "credentials", "wait_for_ready")

Continue = Callable[[aio.ClientCallDetails, Any], Any]


class AddCredentials(aio.UnaryUnaryClientInterceptor):
    """Adds who calls."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def intercept_unary_unary(
        self, continuation: Continue, client_call_details: aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(_with(client_call_details, self._credentials), request)


class AddCredentialsToStreams(aio.UnaryStreamClientInterceptor):
    """Adds who opens a stream."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def intercept_unary_stream(
        self, continuation: Continue, client_call_details: aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(_with(client_call_details, self._credentials), request)


class Repeat(aio.UnaryUnaryClientInterceptor):
    """Repeats calls with a request_id while the server is UNAVAILABLE."""

    def __init__(
        self,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock = clock or Clock()
        self._sleep = sleep

    async def intercept_unary_unary(
        self, continuation: Continue, client_call_details: aio.ClientCallDetails, request: Any
    ) -> Any:
        if not has_request_id(request):
            return await continuation(client_call_details, request)
        attempts = Attempts(client_call_details.timeout, self._clock)
        while True:
            details = _changed(client_call_details, timeout=attempts.timeout())
            call = await continuation(details, request)
            try:
                await call
            except aio.AioRpcError as error:
                wait = attempts.wait_after(ProntoError.of(error))
                if wait is None:
                    return call
            else:
                return call
            await self._sleep(wait)


class TypeErrors(aio.UnaryUnaryClientInterceptor):
    """Makes errors of calls a `ProntoError`."""

    async def intercept_unary_unary(
        self, continuation: Continue, client_call_details: aio.ClientCallDetails, request: Any
    ) -> Any:
        return _TypedCall(await _called(continuation, client_call_details, request))


class TypeErrorsOfStreams(aio.UnaryStreamClientInterceptor):
    """Makes errors of streams a `ProntoError`."""

    async def intercept_unary_stream(
        self, continuation: Continue, client_call_details: aio.ClientCallDetails, request: Any
    ) -> Any:
        return _TypedStream(await _called(continuation, client_call_details, request))


class _TypedCall:
    """A call of gRPC's, whose errors are typed."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            return (yield from self._call.__await__())
        except aio.AioRpcError as error:
            raise ProntoError.of(error) from error


class _TypedStream:
    """A stream of gRPC's, whose errors are typed."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            async for message in self._call:
                yield message
        except aio.AioRpcError as error:
            raise ProntoError.of(error) from error


# grpc.aio asks what an interceptor returns whether it is a call. Theirs have a dozen methods
# each, which these two pass on without naming them.
aio.UnaryUnaryCall.register(_TypedCall)
aio.UnaryStreamCall.register(_TypedStream)


def interceptors(credentials: Credentials) -> list[aio.ClientInterceptor]:
    """Return them from the outside in: each attempt carries the token of its time."""
    return [
        TypeErrors(),
        TypeErrorsOfStreams(),
        Repeat(),
        AddCredentials(credentials),
        AddCredentialsToStreams(credentials),
    ]


async def _called(go: Continue, details: aio.ClientCallDetails, request: Any) -> Any:
    try:
        return await go(details, request)
    except aio.UsageError as error:
        # The channel was closed; the blocking client says it like this, too.
        raise ValueError("the client is closed") from error


def _with(details: aio.ClientCallDetails, credentials: Credentials) -> aio.ClientCallDetails:
    metadata = aio.Metadata(*(details.metadata or ()), *credentials.metadata())
    return _changed(details, metadata=metadata)


def _changed(details: aio.ClientCallDetails, **changes: Any) -> aio.ClientCallDetails:
    return aio.ClientCallDetails(
        **{**{name: getattr(details, name) for name in _FIELDS}, **changes}
    )
