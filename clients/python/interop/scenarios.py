# SPDX-License-Identifier: Apache-2.0
"""Interop scenarios of the client.

python interop/scenarios.py SCENARIO [ARGUMENT...]
"""

from __future__ import annotations

import os
import sys
import traceback
import uuid
from collections.abc import Callable

import expectations as r
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

import pronto_grpc
from pronto_grpc import ProntoError, v1


def connect() -> pronto_grpc.Client:
    """Connect to the plain server."""
    return pronto_grpc.connect(r.address())


def paris(client: pronto_grpc.Client) -> None:
    """Make one call."""
    r.check_paris(client.locations.SearchLocations(v1.SearchLocationsRequest(name="Paris")))


def unary() -> None:
    """Make a call that answers once."""
    with connect() as client:
        paris(client)


def streaming() -> None:
    """Read a whole stream."""
    with connect() as client:
        call = client.leads.SearchLeads(r.engineers(3))
        r.check_stream(list(call))
        r.check(call.code() is grpc.StatusCode.OK, "OK", call.code())


def deadline() -> None:
    """Let a stream meet its deadline."""
    with connect() as client:
        events: list[v1.JobEvent] = []
        call = client.leads.SearchLeads(r.engineers(1000), timeout=5)
        error = failure(lambda: events.extend(call))
        r.check(error.code() is grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", error)
        leave(client, events)


def cancellation() -> None:
    """Cancel a stream after its first lead."""
    with connect() as client:
        events = []
        call = client.leads.SearchLeads(r.engineers(1000))
        for event in call:
            events.append(event)
            if event.WhichOneof("event") == "lead":
                break
        call.cancel()
        error = failure(lambda: list(call))
        r.check(error.code() is grpc.StatusCode.CANCELLED, "CANCELLED", error)
        leave(client, events)
        r.stay()


def leave(client: pronto_grpc.Client, events: list[v1.JobEvent]) -> None:
    """Expect that the job of these events goes on, and end it."""
    kinds = [event.WhichOneof("event") for event in events]
    r.check(kinds and kinds[0] == "started", "started first", kinds)
    job_id = events[0].job_id
    r.check_goes_on(client.jobs.GetJob(v1.GetJobRequest(job_id=job_id)).job)
    try:
        client.jobs.CancelJob(v1.CancelJobRequest(job_id=job_id))
    except ProntoError as error:
        # It ended by itself in between.
        if error.reason != v1.ERROR_REASON_JOB_FINISHED:
            raise


def metadata() -> None:
    """Send metadata, and read them."""
    sent = ("x-request-id", "interop-python")
    with connect() as client:
        request = v1.SearchLocationsRequest(name="Paris")
        _, call = client.locations.SearchLocations.with_call(request, metadata=(sent,))
        headers = dict(call.initial_metadata())
        r.check(headers.get(sent[0]) == sent[1], "the same x-request-id", headers)
        job = client.leads.StartLeadSearch(r.engineers(1)).job
        get = v1.GetJobRequest(job_id=job.id)
        r.check(client.jobs.GetJob(get).job.id == job.id, "the job of the server's key", job)
        # It is not there for who brings another key: with a call, and with all of them.
        other = (("x-api-key", "somebody-else"),)
        r.check_unknown_job(failure(lambda: client.jobs.GetJob(get, metadata=other)))
    with pronto_grpc.connect(r.address(), api_key="somebody-else") as client:
        r.check_unknown_job(failure(lambda: client.jobs.GetJob(get)))


def large() -> None:
    """Send and get large messages, and one that is too large."""
    with connect() as client:
        blob = "pronto! " * (5 * r.MIB // 8)
        r.check_blob(list(client.contacts.EnrichContactAsync(r.contact_with(blob))), blob)
        too_large = r.contact_with("x" * (17 * r.MIB))
        r.check_too_large(failure(lambda: list(client.contacts.EnrichContactAsync(too_large))))


def compression() -> None:
    """Compress both ways; the caller counts what is on the wire."""
    with pronto_grpc.connect(r.address(), compression=grpc.Compression.Gzip) as client:
        blob = "x" * r.MIB
        r.check_blob(list(client.contacts.EnrichContactAsync(r.contact_with(blob))), blob)


def errors() -> None:
    """Read typed errors of calls and streams."""
    with connect() as client:
        r.check_mistakes(failure(lambda: client.leads.StartLeadSearch(r.mistakes())))
        r.check_mistakes(failure(lambda: list(client.leads.SearchLeads(r.mistakes()))))
        unknown = v1.GetJobRequest(job_id=r.UNKNOWN_JOB)
        r.check_unknown_job(failure(lambda: client.jobs.GetJob(unknown)))


def health() -> None:
    """Ask whether the server serves."""
    serving = health_pb2.HealthCheckResponse.SERVING
    with connect() as client:
        stub = health_pb2_grpc.HealthStub(client.channel)
        for name in ("", "pronto.v1.LeadService"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
            r.check(answer.status == serving, f"{name!r} SERVING", answer)
        unknown = health_pb2.HealthCheckRequest(service="unknown")
        error = failure(lambda: stub.Check(unknown))
        r.check(error.code() is grpc.StatusCode.NOT_FOUND, "NOT_FOUND", error)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=""))
        first = next(watch)
        watch.cancel()
        r.check(first.status == serving, "SERVING first", first)


def reflection() -> None:
    """Ask for the descriptors of the API."""
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="pronto.v1.JobEvent"),
    ]
    with connect() as client:
        # The messages of v1 and v1alpha are the same; grpcio-reflection has those of v1alpha.
        ask = client.channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        services, files = ask(iter(requests))
    names = [service.name for service in services.list_services_response.service]
    r.check("pronto.v1.LeadService" in names, "LeadService", names)
    found = files.file_descriptor_response.file_descriptor_proto
    r.check(any(b"pronto/v1/jobs.proto" in file for file in found), "jobs.proto", files)


def unix() -> None:
    """Connect to a Unix socket."""
    with pronto_grpc.connect(f"unix:{r.environment('PRONTO_UNIX_SOCKET')}") as client:
        paris(client)


def tls() -> None:
    """Connect with TLS and a token, and wrongly."""
    target = r.environment("PRONTO_TLS_ADDRESS")
    trusted = pronto_grpc.Tls(ca=r.environment("PRONTO_CA_FILE"))
    token = r.environment("PRONTO_TOKEN")
    with pronto_grpc.connect(target, tls=trusted, token=token) as client:
        paris(client)
    with pronto_grpc.connect(target, tls=trusted, token="wrong") as client:
        error = failure(lambda: paris(client))
        wrong = error.reason == v1.ERROR_REASON_UNAUTHENTICATED_CLIENT
        r.check(wrong, "UNAUTHENTICATED_CLIENT", error)
    with pronto_grpc.connect(target, tls=True, token=token) as client:
        error = failure(lambda: paris(client))
        r.check(error.code() is grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", error)


def retry() -> None:
    """Call over a wire that breaks: what is safe to repeat works, and nothing else is repeated."""
    with connect() as client:
        paris(client)
    with connect() as client:
        client.contacts.EnrichContact(r.contact(request_id=str(uuid.uuid4())))
    with connect() as client:
        error = failure(lambda: client.contacts.EnrichContact(r.contact()))
        r.check(error.code() in r.BROKEN, "a broken connection", error)


def follow(job: str, after: str = "0") -> None:
    """Follow a job, and print its events."""
    idle = float(os.environ.get("FOLLOW_IDLE_SECONDS", "60"))
    with connect() as client, client.follow(job, after=int(after), idle=idle) as events:
        for event in events:
            print(r.line(event), flush=True)
        print(r.last_line(events.account), flush=True)


def failure(call: Callable[[], object]) -> ProntoError:
    """Return the error of a call that must fail."""
    try:
        call()
    except ProntoError as error:
        return error
    raise AssertionError("the call succeeded, and should not")


SCENARIOS: dict[str, Callable[..., None]] = {
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
        SCENARIOS[name](*arguments)
    except Exception:  # Whatever it is, the scenario failed.
        traceback.print_exc()
        sys.exit(f"{name} failed")


if __name__ == "__main__":
    main()
