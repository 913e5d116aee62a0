# SPDX-License-Identifier: Apache-2.0
"""Interop scenarios of the client for asyncio.

python interop/scenarios_asyncio.py SCENARIO [ARGUMENT...]
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
import uuid
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine

import expectations as r
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

import pronto_grpc
from pronto_grpc import ProntoError, aio, v1


def connect() -> aio.Client:
    """Connect to the plain server."""
    return aio.connect(r.address())


async def paris(client: aio.Client) -> None:
    """Make one call."""
    r.check_paris(await client.locations.SearchLocations(v1.SearchLocationsRequest(name="Paris")))


async def unary() -> None:
    """Make a call that answers once."""
    async with connect() as client:
        await paris(client)


async def streaming() -> None:
    """Read a whole stream."""
    async with connect() as client:
        call = client.leads.SearchLeads(r.engineers(3))
        r.check_stream([event async for event in call])
        code = await call.code()
        r.check(code is grpc.StatusCode.OK, "OK", code)


async def deadline() -> None:
    """Let a stream meet its deadline."""
    async with connect() as client:
        events: list[v1.JobEvent] = []
        call = client.leads.SearchLeads(r.engineers(1000), timeout=5)
        error = await failure(collect(call, events))
        r.check(error.code() is grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", error)
        await leave(client, events)


async def cancellation() -> None:
    """Cancel a stream after its first lead."""
    async with connect() as client:
        events = []
        call = client.leads.SearchLeads(r.engineers(1000))
        async for event in call:
            events.append(event)
            if event.WhichOneof("event") == "lead":
                break
        call.cancel()
        try:
            await collect(call)
        except asyncio.CancelledError:
            pass
        else:
            raise AssertionError("the stream goes on after its cancellation")
        await leave(client, events)
        await asyncio.to_thread(r.stay)


async def leave(client: aio.Client, events: list[v1.JobEvent]) -> None:
    """Expect that the job of these events goes on, and end it."""
    kinds = [event.WhichOneof("event") for event in events]
    r.check(kinds and kinds[0] == "started", "started first", kinds)
    job_id = events[0].job_id
    answer = await client.jobs.GetJob(v1.GetJobRequest(job_id=job_id))
    r.check_goes_on(answer.job)
    try:
        await client.jobs.CancelJob(v1.CancelJobRequest(job_id=job_id))
    except ProntoError as error:
        # It ended by itself in between.
        if error.reason != v1.ERROR_REASON_JOB_FINISHED:
            raise


async def metadata() -> None:
    """Send metadata, and read them."""
    sent = ("x-request-id", "interop-python")
    async with connect() as client:
        request = v1.SearchLocationsRequest(name="Paris")
        call = client.locations.SearchLocations(request, metadata=(sent,))
        await call
        headers = dict(await call.initial_metadata())
        r.check(headers.get(sent[0]) == sent[1], "the same x-request-id", headers)
        job = (await client.leads.StartLeadSearch(r.engineers(1))).job
        get = v1.GetJobRequest(job_id=job.id)
        answer = await client.jobs.GetJob(get)
        r.check(answer.job.id == job.id, "the job of the server's key", answer)
        # It is not there for who brings another key: with a call, and with all of them.
        other = (("x-api-key", "somebody-else"),)
        r.check_unknown_job(await failure(client.jobs.GetJob(get, metadata=other)))
    async with aio.connect(r.address(), api_key="somebody-else") as client:
        r.check_unknown_job(await failure(client.jobs.GetJob(get)))


async def large() -> None:
    """Send and get large messages, and one that is too large."""
    async with connect() as client:
        blob = "pronto! " * (5 * r.MIB // 8)
        events = await collect(client.contacts.EnrichContactAsync(r.contact_with(blob)))
        r.check_blob(events, blob)
        too_large = r.contact_with("x" * (17 * r.MIB))
        r.check_too_large(await failure(collect(client.contacts.EnrichContactAsync(too_large))))


async def compression() -> None:
    """Compress both ways; the caller counts what is on the wire."""
    async with aio.connect(r.address(), compression=grpc.Compression.Gzip) as client:
        blob = "x" * r.MIB
        events = await collect(client.contacts.EnrichContactAsync(r.contact_with(blob)))
        r.check_blob(events, blob)


async def errors() -> None:
    """Read typed errors of calls and streams."""
    async with connect() as client:
        r.check_mistakes(await failure(client.leads.StartLeadSearch(r.mistakes())))
        r.check_mistakes(await failure(collect(client.leads.SearchLeads(r.mistakes()))))
        unknown = v1.GetJobRequest(job_id=r.UNKNOWN_JOB)
        r.check_unknown_job(await failure(client.jobs.GetJob(unknown)))


async def health() -> None:
    """Ask whether the server serves."""
    serving = health_pb2.HealthCheckResponse.SERVING
    async with connect() as client:
        stub = health_pb2_grpc.HealthStub(client.channel)
        for name in ("", "pronto.v1.LeadService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            r.check(answer.status == serving, f"{name!r} SERVING", answer)
        unknown = health_pb2.HealthCheckRequest(service="unknown")
        error = await failure(stub.Check(unknown))
        r.check(error.code() is grpc.StatusCode.NOT_FOUND, "NOT_FOUND", error)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=""))
        first = await anext(aiter(watch))
        watch.cancel()
        r.check(first.status == serving, "SERVING first", first)


async def reflection() -> None:
    """Ask for the descriptors of the API."""
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="pronto.v1.JobEvent"),
    ]
    async with connect() as client:
        # The messages of v1 and v1alpha are the same; grpcio-reflection has those of v1alpha.
        ask = client.channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        services, files = [answer async for answer in ask(iter(requests))]
    names = [service.name for service in services.list_services_response.service]
    r.check("pronto.v1.LeadService" in names, "LeadService", names)
    found = files.file_descriptor_response.file_descriptor_proto
    r.check(any(b"pronto/v1/jobs.proto" in file for file in found), "jobs.proto", files)


async def unix() -> None:
    """Connect to a Unix socket."""
    async with aio.connect(f"unix:{r.environment('PRONTO_UNIX_SOCKET')}") as client:
        await paris(client)


async def tls() -> None:
    """Connect with TLS and a token, and wrongly."""
    target = r.environment("PRONTO_TLS_ADDRESS")
    trusted = pronto_grpc.Tls(ca=r.environment("PRONTO_CA_FILE"))
    token = r.environment("PRONTO_TOKEN")
    async with aio.connect(target, tls=trusted, token=token) as client:
        await paris(client)
    async with aio.connect(target, tls=trusted, token="wrong") as client:
        error = await failure(paris(client))
        wrong = error.reason == v1.ERROR_REASON_UNAUTHENTICATED_CLIENT
        r.check(wrong, "UNAUTHENTICATED_CLIENT", error)
    async with aio.connect(target, tls=True, token=token) as client:
        error = await failure(paris(client))
        r.check(error.code() is grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", error)


async def retry() -> None:
    """Call over a wire that breaks: what is safe to repeat works, and nothing else is repeated."""
    async with connect() as client:
        await paris(client)
    async with connect() as client:
        await client.contacts.EnrichContact(r.contact(request_id=str(uuid.uuid4())))
    async with connect() as client:
        error = await failure(client.contacts.EnrichContact(r.contact()))
        r.check(error.code() in r.BROKEN, "a broken connection", error)


async def follow(job: str, after: str = "0") -> None:
    """Follow a job, and print its events."""
    idle = float(os.environ.get("FOLLOW_IDLE_SECONDS", "60"))
    async with connect() as client, client.follow(job, after=int(after), idle=idle) as events:
        async for event in events:
            print(r.line(event), flush=True)
        print(r.last_line(events.account), flush=True)


async def collect(
    call: AsyncIterable[v1.JobEvent], events: list[v1.JobEvent] | None = None
) -> list[v1.JobEvent]:
    """Read a stream to its end; `events` keeps what came before an error."""
    collected = [] if events is None else events
    async for event in call:
        collected.append(event)
    return collected


async def failure(call: Awaitable[object]) -> ProntoError:
    """Return the error of a call that must fail."""
    try:
        await call
    except ProntoError as error:
        return error
    raise AssertionError("the call succeeded, and should not")


SCENARIOS: dict[str, Callable[..., Coroutine[None, None, None]]] = {
    scenario.__name__: scenario
    for scenario in (
        *(unary, streaming, deadline, cancellation, metadata, large, compression, errors),
        *(health, reflection, unix, tls, retry, follow),
    )
}


def main() -> None:
    """Run the scenario that is named."""
    name, *arguments = sys.argv[1:] or [""]
    if name not in SCENARIOS:
        sys.exit(f"unknown scenario {name!r}: one of {', '.join(SCENARIOS)}")
    try:
        asyncio.run(SCENARIOS[name](*arguments))
    except Exception:  # Whatever it is, the scenario failed.
        traceback.print_exc()
        sys.exit(f"{name} failed")


if __name__ == "__main__":
    main()
