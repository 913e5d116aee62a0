# SPDX-License-Identifier: Apache-2.0
"""Which calls are repeated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import grpc
import pytest
from fake import JOB, Refusal, Server, Time
from google.protobuf import descriptor_pb2, descriptor_pool

import pronto_grpc
from pronto_grpc import ProntoError, aio, v1
from pronto_grpc._ending import Ending as BlockingEnding
from pronto_grpc._interceptors import Repeat, TypeErrors
from pronto_grpc._repeating import api_services, has_request_id, service_config
from pronto_grpc.aio import _interceptors as aio_interceptors
from pronto_grpc.aio._ending import Ending

UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE)
ONCE = v1.EnrichContactRequest(request_id="order-7")

Enrich = Callable[[v1.EnrichContactRequest, "float | None"], None]


def names(config: str) -> set[str]:
    (method_config,) = json.loads(config)["methodConfig"]
    return {f"{name['service']}/{name['method']}" for name in method_config["name"]}


def test_the_service_config_follows_the_descriptors() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    file.message_type.add(name="M")
    service = file.service.add(name="S")
    levels = descriptor_pb2.MethodOptions.IdempotencyLevel
    for level in levels.keys():  # noqa: SIM118 (an enum of protobuf is no dict)
        method = service.method.add(name=level, input_type=".t.M", output_type=".t.M")
        method.options.idempotency_level = levels.Value(level)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    config = service_config([pool.FindServiceByName("t.S")])
    assert names(config) == {"t.S/NO_SIDE_EFFECTS", "t.S/IDEMPOTENT"}
    assert json.loads(config)["methodConfig"][0]["retryPolicy"] == {
        "maxAttempts": 5,
        "initialBackoff": "0.5s",
        "maxBackoff": "5.0s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }


def test_what_charges_is_not_in_the_service_config() -> None:
    found = names(service_config(api_services()))
    assert {"pronto.v1.JobService/GetJob", "pronto.v1.JobService/PurgePerson"} <= found
    assert "pronto.v1.ContactService/EnrichContact" not in found
    assert "pronto.v1.JobService/CancelJob" not in found
    # A stream is continued by `follow`.
    assert "pronto.v1.JobService/WatchJob" not in found


def test_harmless_calls_are_repeated(server: Server) -> None:
    server.jobs.extend([UNAVAILABLE, v1.Job(id=JOB)])
    with pronto_grpc.connect(server.target) as client:
        answer = client.jobs.GetJob(v1.GetJobRequest(job_id=JOB), timeout=30)
    assert answer.job.id == JOB


def test_requests_with_an_id() -> None:
    assert has_request_id(ONCE)
    assert not has_request_id(v1.EnrichContactRequest())
    assert not has_request_id(v1.GetJobRequest())
    assert not has_request_id(b"raw")


@pytest.fixture(params=["blocking", "asyncio"])
def enrich(request: pytest.FixtureRequest, server: Server, time: Time) -> Enrich:
    """Call EnrichContact with a client whose waits take no time."""

    def blocking(message: v1.EnrichContactRequest, timeout: float | None = None) -> None:
        open_ = BlockingEnding()
        repeat = Repeat(open_, time.clock, time.wait)
        with grpc.insecure_channel(server.target) as plain:
            channel = grpc.intercept_channel(plain, TypeErrors(open_), repeat)
            v1.ContactServiceStub(channel).EnrichContact(message, timeout=timeout)

    async def call(message: v1.EnrichContactRequest, timeout: float | None) -> None:
        repeat = aio_interceptors.Repeat(Ending(), time.clock, time.wait_async)
        type_errors = aio_interceptors.TypeErrors(Ending())
        interceptors: list[grpc.aio.ClientInterceptor] = [repeat, type_errors]
        async with grpc.aio.insecure_channel(server.target, interceptors=interceptors) as channel:
            await v1.ContactServiceStub(channel).EnrichContact(message, timeout=timeout)

    def with_asyncio(message: v1.EnrichContactRequest, timeout: float | None = None) -> None:
        asyncio.run(call(message, timeout))

    return blocking if request.param == "blocking" else with_asyncio


def test_a_request_with_an_id_is_repeated(server: Server, enrich: Enrich, time: Time) -> None:
    server.contacts.extend([UNAVAILABLE] * 4)
    enrich(ONCE, None)
    assert server.requests == [ONCE] * 5
    assert time.waits == pytest.approx([0.6, 1.2, 2.4, 4.8])


def test_not_more_often_than_five_times(server: Server, enrich: Enrich) -> None:
    server.contacts.extend([UNAVAILABLE] * 9)
    with pytest.raises(ProntoError):
        enrich(ONCE, None)
    assert len(server.requests) == 5


def test_a_request_without_id_is_sent_once(server: Server, enrich: Enrich) -> None:
    server.contacts.append(UNAVAILABLE)
    with pytest.raises(ProntoError) as raised:
        enrich(v1.EnrichContactRequest(), None)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED],
)
def test_other_errors_are_not_repeated(
    server: Server, enrich: Enrich, code: grpc.StatusCode
) -> None:
    server.contacts.append(Refusal(code))
    with pytest.raises(ProntoError):
        enrich(ONCE, None)
    assert len(server.requests) == 1


def test_waits_as_long_as_the_server_asks(server: Server, enrich: Enrich, time: Time) -> None:
    server.contacts.append(Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING", retry_delay=9))
    enrich(ONCE, None)
    assert time.waits == [9]


def test_a_long_wait_is_left_to_the_caller(server: Server, enrich: Enrich, time: Time) -> None:
    server.contacts.append(Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING", retry_delay=31))
    with pytest.raises(ProntoError) as raised:
        enrich(ONCE, None)
    assert raised.value.retry_delay is not None
    assert time.waits == []


def test_a_long_wait_within_the_timeout_is_made(server: Server, enrich: Enrich, time: Time) -> None:
    server.contacts.append(Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING", retry_delay=90))
    enrich(ONCE, 120)
    assert time.waits == [90]


def test_a_wait_beyond_the_timeout_is_left_to_the_caller(
    server: Server, enrich: Enrich, time: Time
) -> None:
    server.contacts.append(Refusal(grpc.StatusCode.UNAVAILABLE, "STARTING", retry_delay=20))
    with pytest.raises(ProntoError) as raised:
        enrich(ONCE, 19)
    assert raised.value.reason == v1.ERROR_REASON_STARTING
    assert time.waits == []


def test_all_attempts_share_the_deadline(server: Server, enrich: Enrich, time: Time) -> None:
    server.contacts.extend([UNAVAILABLE] * 9)
    with pytest.raises(ProntoError) as raised:
        enrich(ONCE, 3.0)
    # What the server said, and no DEADLINE_EXCEEDED after a wait that could not help.
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert time.waits == pytest.approx([0.6, 1.2])
    left = [seconds for seconds in server.time_left if seconds is not None]
    # On the wire a timeout is rounded up a little.
    at_most = [3.1, 2.5, 1.3]
    assert all(seconds <= most for seconds, most in zip(left, at_most, strict=True)), left


def test_clients_repeat(server: Server) -> None:
    server.contacts.append(UNAVAILABLE)
    with pronto_grpc.connect(server.target) as client:
        client.contacts.EnrichContact(ONCE)
    assert len(server.requests) == 2


def test_asyncio_clients_repeat(server: Server) -> None:
    server.contacts.append(UNAVAILABLE)

    async def call() -> None:
        async with aio.connect(server.target) as client:
            await client.contacts.EnrichContact(ONCE)

    asyncio.run(call())
    assert len(server.requests) == 2
