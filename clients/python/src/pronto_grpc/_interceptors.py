# SPDX-License-Identifier: Apache-2.0
"""What is done with every call: credentials, repeats, typed errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grpc

from pronto_grpc._clock import Clock
from pronto_grpc._credentials import Credentials
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
        metadata = (*(details.metadata or ()), *self._credentials.metadata())
        return go(_changed(details, metadata=metadata), request)


class Repeat(grpc.UnaryUnaryClientInterceptor):
    """Repeats calls with a request_id while the server is UNAVAILABLE."""

    def __init__(self, pause: Callable[[float], object], clock: Clock | None = None) -> None:
        # A wait; true when the client was closed meanwhile.
        self._pause = pause
        self._clock = clock or Clock()

    def intercept_unary_unary(
        self, continuation: Continue, client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        if not has_request_id(request):
            return continuation(client_call_details, request)
        attempts = Attempts(client_call_details.timeout, self._clock)
        while True:
            details = _changed(client_call_details, timeout=attempts.timeout())
            call = continuation(details, request)
            error = call.exception()
            if not isinstance(error, grpc.RpcError):
                return call
            wait = attempts.wait_after(ProntoError.of(error))
            if wait is None or self._pause(wait):
                return call


class TypeErrors(_EveryCall):
    """Makes errors of calls a `ProntoError`."""

    def intercept(self, go: Continue, details: grpc.ClientCallDetails, request: Any) -> Any:
        return _TypedCall(go(details, request))


class _TypedCall:
    """A call of gRPC's, whose errors are typed."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def result(self, timeout: float | None = None) -> Any:
        try:
            return self._call.result(timeout)
        except grpc.RpcError as error:
            raise ProntoError.of(error) from error

    def exception(self, timeout: float | None = None) -> Any:
        error = self._call.exception(timeout)
        return ProntoError.of(error) if isinstance(error, grpc.RpcError) else error

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        self._call.add_done_callback(lambda _: callback(self))

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            raise ProntoError.of(error) from error


def _changed(details: grpc.ClientCallDetails, **changes: Any) -> grpc.ClientCallDetails:
    # Older versions of grpc leave fields out that a call does not set.
    fields = {name: getattr(details, name, None) for name in _Fields._fields}
    return _Details(**{**fields, **changes})
