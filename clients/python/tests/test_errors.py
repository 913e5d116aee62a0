# SPDX-License-Identifier: Apache-2.0
"""What an error says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent import futures
from datetime import timedelta
from typing import Any

import grpc
import pytest
from fake import JOB, SOON, Refusal, Server, status
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

import pronto_grpc
from pronto_grpc import FieldViolation, ProntoError, QuotaViolation, aio, v1
from pronto_grpc.errors import Details, decode

REFUSAL = Refusal(
    grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", 1.5, metadata={"endpoint": "GET /x"}
)


def trailers(value: bytes) -> list[tuple[str, str | bytes]]:
    return [("x-other", "text"), ("grpc-status-details-bin", value)]


def test_all_details_are_decoded() -> None:
    request = error_details_pb2.BadRequest()
    request.field_violations.add(field="limit", description="must be at least 1")
    quota = error_details_pb2.QuotaFailure()
    quota.violations.add(subject="max_credits", description="3 are too many")
    details = decode(trailers(REFUSAL.details()))
    assert details.reason_name == "RATE_LIMITED"
    assert details.metadata == {"endpoint": "GET /x"}
    assert details.retry_delay == timedelta(seconds=1.5)
    details = decode(trailers(status([request, quota])))
    assert details.field_violations == (FieldViolation("limit", "must be at least 1"),)
    assert details.quota_violations == (QuotaViolation("max_credits", "3 are too many"),)


def test_an_unknown_reason_is_kept_as_text() -> None:
    error = ProntoError(grpc.StatusCode.ABORTED, "new", Details(reason_name="OF_TOMORROW"))
    assert error.reason == v1.ERROR_REASON_UNSPECIFIED
    assert error.reason_name == "OF_TOMORROW"


def test_the_reasons_of_others_are_not_ours() -> None:
    other = Refusal(grpc.StatusCode.INTERNAL, "NOT_FOUND", domain="proxy.example")
    assert decode(trailers(other.details())).reason_name == ""


def test_details_that_are_damaged_are_left_out() -> None:
    assert decode(trailers(b"\xff\xff\xff")) == Details()


@pytest.mark.parametrize("kind", ["RetryInfo", "BadRequest", "QuotaFailure", "DebugInfo"])
def test_a_damaged_detail_leaves_the_others(kind: str) -> None:
    whole = status_pb2.Status.FromString(REFUSAL.details())
    url = f"type.googleapis.com/google.rpc.{kind}"
    whole.details.insert(0, any_pb2.Any(type_url=url, value=b"\xff\xff\xff"))
    details = decode(trailers(whole.SerializeToString()))
    assert details.reason_name == "RATE_LIMITED"
    assert details.retry_delay == timedelta(seconds=1.5)


def test_a_delay_that_is_none_is_left_out() -> None:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.seconds = 1 << 62
    details = decode(trailers(status([error_details_pb2.ErrorInfo(domain="pronto.v1"), retry])))
    assert details.retry_delay is None


def test_no_details() -> None:
    assert decode([]) == Details()
    assert ProntoError(grpc.StatusCode.OK, "-").reason == v1.ERROR_REASON_UNSPECIFIED


def check(error: ProntoError) -> None:
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.reason == v1.ERROR_REASON_RATE_LIMITED
    assert error.message == error.details() == "as the test wants"
    assert error.retry_delay == timedelta(seconds=1.5)
    assert str(error) == "RESOURCE_EXHAUSTED / RATE_LIMITED: as the test wants"
    assert isinstance(error, grpc.RpcError)
    assert isinstance(error.cause, grpc.RpcError)
    assert error.__cause__ is error.cause
    assert "grpc-status-details-bin" in dict(error.trailing_metadata())


def test_calls_and_streams_raise_typed_errors(server: Server) -> None:
    server.jobs.extend([REFUSAL] * 3)
    server.streams.append([REFUSAL])
    get = v1.GetJobRequest(job_id=JOB)
    with pronto_grpc.connect(server.target) as client:
        with pytest.raises(ProntoError) as raised:
            client.jobs.GetJob(get)
        check(raised.value)
        future = client.jobs.GetJob.future(get)
        with pytest.raises(ProntoError) as raised:
            future.result()
        check(raised.value)
        assert isinstance(future.exception(), ProntoError)
        done = threading.Event()
        future = client.jobs.GetJob.future(get)
        future.add_done_callback(lambda call: done.set() if call is future else None)
        assert done.wait(30)
        with pytest.raises(ProntoError):
            list(client.jobs.WatchJob(v1.WatchJobRequest(job_id=JOB)))


def test_asyncio_calls_and_streams_raise_typed_errors(server: Server) -> None:
    server.jobs.extend([REFUSAL] * 2)
    server.streams.append([REFUSAL])

    async def call() -> None:
        async with aio.connect(server.target) as client:
            with pytest.raises(ProntoError) as raised:
                await client.jobs.GetJob(v1.GetJobRequest(job_id=JOB))
            check(raised.value)
            request = client.jobs.GetJob(v1.GetJobRequest(job_id=JOB))
            assert await request.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            with pytest.raises(ProntoError) as raised:
                async for _ in client.jobs.WatchJob(v1.WatchJobRequest(job_id=JOB)):
                    pass
            check(raised.value)

    asyncio.run(call())


@pytest.fixture
def unreadable() -> Iterator[str]:
    """A server whose answers are no messages."""

    def noise(_: object) -> bytes:
        return b"\xff\xff\xff"

    handlers: dict[str, Any] = {
        "GetJob": grpc.unary_unary_rpc_method_handler(
            lambda *_: b"", v1.GetJobRequest.FromString, noise
        ),
        "WatchJob": grpc.unary_stream_rpc_method_handler(
            lambda *_: iter([b""]), v1.WatchJobRequest.FromString, noise
        ),
    }
    server = grpc.server(futures.ThreadPoolExecutor())
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("pronto.v1.JobService", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait(SOON)


def test_answers_that_cannot_be_read(unreadable: str) -> None:
    with pronto_grpc.connect(unreadable) as client:
        for call in (
            lambda: client.jobs.GetJob(v1.GetJobRequest()),
            lambda: list(client.jobs.WatchJob(v1.WatchJobRequest())),
            lambda: next(client.follow(JOB, patience=0.01)),
        ):
            with pytest.raises(ProntoError, match="deserializing") as raised:
                call()
            assert raised.value.code() is grpc.StatusCode.INTERNAL


def test_asyncio_answers_that_cannot_be_read(unreadable: str) -> None:
    async def read() -> None:
        async with aio.connect(unreadable) as client:
            get = client.jobs.GetJob(v1.GetJobRequest())
            watch = aiter(client.jobs.WatchJob(v1.WatchJobRequest()))
            for waiting in (get, anext(watch), anext(client.follow(JOB, patience=0.01))):
                with pytest.raises(ProntoError, match="deserializing") as raised:
                    await waiting
                assert raised.value.code() is grpc.StatusCode.INTERNAL

    asyncio.run(read())
