# SPDX-License-Identifier: Apache-2.0
"""What an error says."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import grpc
import pytest
from fake import JOB, Refusal, Server, status
from google.rpc import error_details_pb2

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
