# SPDX-License-Identifier: Apache-2.0
"""What is done with every call: credentials, repeats, typed errors.

A channel of grpc.aio takes an interceptor for one kind of calls only, so there are two
of some.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any, NoReturn

import grpc
from grpc import aio

from pronto_grpc._clock import Clock
from pronto_grpc._closing import MESSAGE, client_closed
from pronto_grpc._credentials import Credentials
from pronto_grpc._repeating import Attempts, has_request_id
from pronto_grpc.aio._ending import Ending
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
        closed: Ending,
        clock: Clock | None = None,
        pause: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        # Set when the client is closed.
        self._closed = closed
        self._clock = clock or Clock()
        # A wait that closing ends.
        self._pause = pause or closed.pause

    async def intercept_unary_unary(
        self, continuation: Continue, client_call_details: aio.ClientCallDetails, request: Any
    ) -> Any:
        if not has_request_id(request):
            return await continuation(client_call_details, request)
        attempts = Attempts(client_call_details.timeout, self._clock)
        refusal: ProntoError | None = None
        while True:
            details = _changed(client_call_details, timeout=attempts.timeout())
            call = await continuation(details, request)
            try:
                await call
            except ProntoError as error:
                if refusal is not None and _by_closing(error, self._closed):
                    return _EndedCall(call, client_closed(refusal))
                refusal = error
            else:
                return call
            wait = attempts.wait_after(refusal)
            if wait is None:
                return call
            await self._pause(wait)
            if self._closed.is_set():
                return _EndedCall(call, client_closed(refusal))


class _EndedCall:
    """A call that closing the client ended; the rest is that of its last attempt."""

    def __init__(self, call: Any, error: ProntoError) -> None:
        self._call = call
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, None, NoReturn]:
        raise self._error
        yield  # Only to be a generator.


class TypeErrors(aio.UnaryUnaryClientInterceptor):
    """Makes errors of calls a `ProntoError`."""

    def __init__(self, closed: Ending) -> None:
        self._closed = closed

    async def intercept_unary_unary(
        self, continuation: Continue, client_call_details: aio.ClientCallDetails, request: Any
    ) -> Any:
        return _TypedCall(await _called(continuation, client_call_details, request), self._closed)


class TypeErrorsOfStreams(aio.UnaryStreamClientInterceptor):
    """Makes errors of streams a `ProntoError`."""

    def __init__(self, closed: Ending) -> None:
        self._closed = closed

    async def intercept_unary_stream(
        self, continuation: Continue, client_call_details: aio.ClientCallDetails, request: Any
    ) -> Any:
        call = await _called(continuation, client_call_details, request)
        return _TypedStream(call, self._closed)


class _TypedCall:
    """A call of gRPC's, whose errors are typed."""

    def __init__(self, call: Any, closed: Ending) -> None:
        self._call = call
        self._closed = closed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._answer().__await__()

    async def _answer(self) -> Any:
        try:
            answer = await self._closed.answer(self._call)
        except aio.AioRpcError as error:
            raise ProntoError.of(error) from error
        return _readable(answer)


class _TypedStream:
    """A stream of gRPC's, whose errors are typed."""

    def __init__(self, call: Any, closed: Ending) -> None:
        self._call = call
        self._closed = closed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        messages = aiter(self._call)
        while (message := await self._next(messages)) is not _END:
            yield message

    async def _next(self, messages: AsyncIterator[Any]) -> Any:
        try:
            message = await self._closed.answer(_read(messages))
            return _readable(message)
        except aio.AioRpcError as error:
            raise ProntoError.of(error) from error
        except ProntoError:
            self._call.cancel()
            raise


_END = object()


async def _read(messages: AsyncIterator[Any]) -> Any:
    return await anext(messages, _END)


def _readable(message: Any) -> Any:
    """Return a message; grpc.aio hands out None for one that cannot be decoded."""
    if message is None:
        # As the blocking client says it.
        raise ProntoError(grpc.StatusCode.INTERNAL, "Exception deserializing response!")
    return message


# grpc.aio asks what an interceptor returns whether it is a call. Theirs have a dozen methods
# each, which these pass on without naming them.
aio.UnaryUnaryCall.register(_TypedCall)
aio.UnaryUnaryCall.register(_EndedCall)
aio.UnaryStreamCall.register(_TypedStream)


def interceptors(credentials: Credentials, closed: Ending) -> list[aio.ClientInterceptor]:
    """Return them from the outside in: each attempt carries the token of its time."""
    return [
        Repeat(closed),
        TypeErrors(closed),
        TypeErrorsOfStreams(closed),
        AddCredentials(credentials),
        AddCredentialsToStreams(credentials),
    ]


async def _called(go: Continue, details: aio.ClientCallDetails, request: Any) -> Any:
    try:
        return await go(details, request)
    except aio.UsageError as error:
        # The channel was closed; the blocking client says it like this, too.
        raise ValueError(MESSAGE) from error


def _by_closing(error: ProntoError, closed: Ending) -> bool:
    return closed.is_set() and error.code() is grpc.StatusCode.CANCELLED


def _with(details: aio.ClientCallDetails, credentials: Credentials) -> aio.ClientCallDetails:
    metadata = aio.Metadata(*credentials.beside(details.metadata, details.credentials))
    return _changed(details, metadata=metadata)


def _changed(details: aio.ClientCallDetails, **changes: Any) -> aio.ClientCallDetails:
    return aio.ClientCallDetails(
        **{**{name: getattr(details, name) for name in _FIELDS}, **changes}
    )
