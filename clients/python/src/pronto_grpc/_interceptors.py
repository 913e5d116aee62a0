# SPDX-License-Identifier: Apache-2.0
"""What is done with every call: credentials, repeats, typed errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grpc

from pronto_grpc._clock import Clock
from pronto_grpc._closing import client_closed
from pronto_grpc._credentials import Credentials
from pronto_grpc._ending import Ending
from pronto_grpc._repeating import Attempts, has_request_id
from pronto_grpc.errors import ProntoError

Continue = Callable[[grpc.ClientCallDetails, Any], Any]


class _Fields(NamedTuple):
    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _Details(_Fields, grpc.ClientCallDetails):
    """How a call is made, changed."""


class _EveryCall(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Does the same with calls that answer once and with streams; the API has no others."""

    def intercept_unary_unary(
        self, continuation: Continue, client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        return self.intercept(continuation, client_call_details, request)

    def intercept_unary_stream(
        self, continuation: Continue, client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        return self.intercept(continuation, client_call_details, request)

    def intercept(self, go: Continue, details: grpc.ClientCallDetails, request: Any) -> Any:
        raise NotImplementedError


class AddCredentials(_EveryCall):
    """Adds who calls."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def intercept(self, go: Continue, details: grpc.ClientCallDetails, request: Any) -> Any:
        # Older versions of grpc leave it out where a call has none.
        own = getattr(details, "credentials", None)
        metadata = self._credentials.beside(details.metadata, own)
        return go(_changed(details, metadata=tuple(metadata)), request)


class Repeat(grpc.UnaryUnaryClientInterceptor):
    """Repeats calls with a request_id while the server is UNAVAILABLE."""

    def __init__(
        self,
        closed: Ending,
        clock: Clock | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        # Set when the client is closed.
        self._closed = closed
        # A wait that closing ends.
        self._pause = pause or closed.wait
        self._clock = clock or Clock()

    def intercept_unary_unary(
        self, continuation: Continue, client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        if not has_request_id(request):
            return continuation(client_call_details, request)
        attempts = Attempts(client_call_details.timeout, self._clock)
        refusal: ProntoError | None = None
        while True:
            details = _changed(client_call_details, timeout=attempts.timeout())
            call = continuation(details, request)
            error = call.exception()
            if not isinstance(error, grpc.RpcError):
                return call
            if refusal is not None and _by_closing(error, self._closed):
                return _Ended(call, client_closed(refusal))
            refusal = ProntoError.of(error)
            wait = attempts.wait_after(refusal)
            if wait is None:
                return call
            self._pause(wait)
            if self._closed.is_set():
                return _Ended(call, client_closed(refusal))


class _Ended:
    """A call that closing the client ended; the rest is that of its last attempt."""

    def __init__(self, call: Any, error: ProntoError) -> None:
        self._call = call
        self._error = error
        self.code, self.details = error.code, error.details

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def result(self, timeout: float | None = None) -> Any:
        raise self._error

    def exception(self, timeout: float | None = None) -> ProntoError:
        return self._error


class TypeErrors(_EveryCall):
    """Makes errors of calls a `ProntoError`."""

    def __init__(self, closed: Ending) -> None:
        # Set when the client is closed.
        self._closed = closed

    def intercept(self, go: Continue, details: grpc.ClientCallDetails, request: Any) -> Any:
        call = go(details, request)
        if isinstance(call, ProntoError):
            # So grpc hands out the error that `Repeat` ended a call with.
            call = _Ended(call, call)
        return _TypedCall(call, self._closed)


class _TypedCall:
    """A call of gRPC's, whose errors are typed."""

    def __init__(self, call: Any, closed: Ending) -> None:
        self._call = call
        self._closed = closed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def result(self, timeout: float | None = None) -> Any:
        try:
            return self._call.result(timeout)
        except grpc.RpcError as error:
            typed = self._typed(error)
            raise typed from typed.__cause__

    def exception(self, timeout: float | None = None) -> Any:
        error = self._call.exception(timeout)
        return self._typed(error) if isinstance(error, grpc.RpcError) else error

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        self._call.add_done_callback(lambda _: callback(self))

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            typed = self._typed(error)
            raise typed from typed.__cause__

    def _typed(self, error: grpc.RpcError) -> ProntoError:
        return client_closed(error) if _by_closing(error, self._closed) else ProntoError.of(error)


def _by_closing(error: grpc.RpcError, closed: Ending) -> bool:
    """Whether a call ended since the client was closed: gRPC cancels it then."""
    if isinstance(error, ProntoError) or not closed.is_set():
        return False
    return ProntoError.of(error).code() is grpc.StatusCode.CANCELLED


def _changed(details: grpc.ClientCallDetails, **changes: Any) -> grpc.ClientCallDetails:
    # Older versions of grpc leave fields out that a call does not set.
    fields = {name: getattr(details, name, None) for name in _Fields._fields}
    return _Details(**{**fields, **changes})
