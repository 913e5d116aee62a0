# SPDX-License-Identifier: Apache-2.0
"""Errors, with everything that the server says about them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from pronto_grpc.v1 import ERROR_REASON_UNSPECIFIED, ErrorReason

if TYPE_CHECKING:
    from google.protobuf import any_pb2

DOMAIN = "pronto.v1"
"""The domain of the server's own errors."""

M = TypeVar("M", bound=Message)

_DETAILS_KEY = "grpc-status-details-bin"
_REASON_PREFIX = "ERROR_REASON_"


@dataclass(frozen=True)
class FieldViolation:
    """What is wrong with a field of a request."""

    field: str
    """Path in proto names, such as `contacts[3].linkedin_url`."""
    description: str
    """What was expected."""


@dataclass(frozen=True)
class QuotaViolation:
    """A limit that a call would break."""

    subject: str
    """The limit: `max_credits`, or `budget:CREDENTIAL:DAY`."""
    description: str
    """By how much."""


@dataclass(frozen=True)
class Details:
    """What the details of an error say; empty where there are none."""

    reason_name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_delay: timedelta | None = None
    field_violations: tuple[FieldViolation, ...] = ()
    quota_violations: tuple[QuotaViolation, ...] = ()


class ProntoError(grpc.RpcError):
    """A call that ended with an error.

    Branch on `code()` and `reason`, not on the message. It is a `grpc.RpcError` with the
    methods of `grpc.Call` that concern an error, so code that knows only gRPC handles it, too.

    Attributes:
        reason: The reason, as errors.proto names it. `ERROR_REASON_UNSPECIFIED` for an error
            that has none (a broken connection), or one that this version does not know.
        reason_name: Its name without prefix, such as `BUDGET_EXCEEDED`; also of a reason that
            this version does not know. Empty for an error without one.
        metadata: What the error is about: `job_id`, `last_sequence`, `http_status` and others.
        retry_delay: So long to wait at least before trying again, where the server says it.
        field_violations: What is wrong with the fields of the request.
        quota_violations: The limits that the call would break.
        cause: The library's error.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        details: Details | None = None,
        cause: grpc.RpcError | None = None,
    ) -> None:
        super().__init__(code, message)
        details = details or Details()
        self._code = code
        self._message = message
        self.reason_name = details.reason_name
        self.reason = _reason(details.reason_name)
        self.metadata = details.metadata
        self.retry_delay = details.retry_delay
        self.field_violations = details.field_violations
        self.quota_violations = details.quota_violations
        self.cause = cause

    @classmethod
    def of(cls, error: grpc.RpcError) -> ProntoError:
        """Read a library's error; a `ProntoError` is returned as it is."""
        if isinstance(error, ProntoError):
            return error
        read = _Read(error)
        details = decode(read.trailers)
        typed = cls(read.code, read.message + _hint(read, details), details, error)
        typed.__cause__ = error
        return typed

    def code(self) -> grpc.StatusCode:
        """Return the code."""
        return self._code

    def details(self) -> str:
        """Return the message, under the name that gRPC gives it."""
        return self._message

    @property
    def message(self) -> str:
        """What happened, for people."""
        return self._message

    def initial_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        """Return the headers of the answer."""
        return _pairs(self.cause, "initial_metadata")

    def trailing_metadata(self) -> Sequence[tuple[str, str | bytes]]:  # type: ignore[override]
        """Return the trailers of the answer."""
        return _pairs(self.cause, "trailing_metadata")

    def __str__(self) -> str:
        reason = f" / {self.reason_name}" if self.reason_name else ""
        return f"{self._code.name}{reason}: {self._message}"


class SequenceGapError(Exception):
    """Events of a job are missing between two that came.

    The server's log has no holes, so this is loss. It is never passed over.

    Attributes:
        job_id: The job.
        expected: The sequence that should have come.
        got: The one that came.
    """

    def __init__(self, job_id: str, expected: int, got: int) -> None:
        super().__init__(f"job {job_id}: event {expected} was expected, and {got} came")
        self.job_id = job_id
        self.expected = expected
        self.got = got


class NoJobError(ValueError):
    """There is no job to follow: the request that was answered named its own webhook_url."""


def decode(trailers: Iterable[tuple[str, str | bytes]]) -> Details:
    """Read the details in the trailers of an answer."""
    for key, value in trailers:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return _details(status_pb2.Status.FromString(value).details)
            except DecodeError:
                # Something between client and server wrote it. The code still counts.
                return Details()
    return Details()


def _unpacked(packed: Iterable[any_pb2.Any], kind: type[M]) -> M:
    """Return the last detail of a kind, or an empty one; one that is damaged leaves the others."""
    found = kind()
    for detail in packed:
        if detail.TypeName() == kind.DESCRIPTOR.full_name:
            with contextlib.suppress(DecodeError):
                found = kind.FromString(detail.value)
    return found


def _delay(retry: error_details_pb2.RetryInfo) -> timedelta | None:
    if not retry.HasField("retry_delay"):
        return None
    try:
        delay: timedelta = retry.retry_delay.ToTimedelta()
    except (ValueError, OverflowError):
        # No duration of protobuf's: nobody waits for it.
        return None
    return delay


def _details(packed: Sequence[any_pb2.Any]) -> Details:
    info = _unpacked(packed, error_details_pb2.ErrorInfo)
    retry = _unpacked(packed, error_details_pb2.RetryInfo)
    request = _unpacked(packed, error_details_pb2.BadRequest)
    quota = _unpacked(packed, error_details_pb2.QuotaFailure)
    ours = info.domain == DOMAIN
    return Details(
        reason_name=info.reason if ours else "",
        metadata=dict(info.metadata) if ours else {},
        retry_delay=_delay(retry),
        field_violations=tuple(
            FieldViolation(violation.field, violation.description)
            for violation in request.field_violations
        ),
        quota_violations=tuple(
            QuotaViolation(violation.subject, violation.description)
            for violation in quota.violations
        ),
    )


def _reason(name: str) -> ErrorReason.ValueType:
    full_name = _REASON_PREFIX + name
    if name and full_name in ErrorReason.keys():  # noqa: SIM118 (an enum of protobuf is no dict)
        return ErrorReason.Value(full_name)
    return ERROR_REASON_UNSPECIFIED


class _Read:
    """What a library's error says; the errors of grpc and grpc.aio have no common class."""

    def __init__(self, error: grpc.RpcError) -> None:
        code = getattr(error, "code", lambda: None)()
        details = getattr(error, "details", lambda: None)()
        self.code = code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN
        self.message = details or str(error)
        self.trailers = _pairs(error, "trailing_metadata")


def _hint(error: _Read, details: Details) -> str:
    """Return what is likely wrong with an address, where gRPC's words alone are obscure.

    They do not tell a server that speaks TLS, and hears none, from one that just hangs up.
    """
    handshake = error.message.startswith("failed to connect") and not details.reason_name
    if handshake and "SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER" in error.message:
        return " (is this address without TLS? then connect without tls)"
    return ""


def _pairs(error: grpc.RpcError | None, name: str) -> Sequence[tuple[str, str | bytes]]:
    return tuple(getattr(error, name, lambda: None)() or ())
