# SPDX-License-Identifier: Apache-2.0
"""What both interop programs send, and what they expect."""

from __future__ import annotations

import os
import sys

import grpc
from google.protobuf.struct_pb2 import Struct

from pronto_grpc import ProntoError, v1

UNKNOWN_JOB = "00000000-0000-7000-8000-000000000000"
MIB = 1 << 20
# What a broken connection looks like, whichever layer notices it.
BROKEN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
)


def environment(name: str) -> str:
    """Return a variable that the caller must set."""
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set")
    return value


def address() -> str:
    """Return where the plain server is."""
    return os.environ.get("PRONTO_ADDRESS", "localhost:50051")


def check(holds: object, expected: str, got: object = None) -> None:
    """Fail with what was expected and what came."""
    if not holds:
        raise AssertionError(f"expected {expected}, got {got!r}")


def engineers(limit: int) -> v1.SearchLeadsRequest:
    """Search for engineers."""
    return v1.SearchLeadsRequest(filters=v1.LeadFilters(job_titles=["engineer"]), limit=limit)


def mistakes() -> v1.SearchLeadsRequest:
    """Search with two mistakes."""
    return v1.SearchLeadsRequest(filters=v1.LeadFilters(included_locations=["Paris"]), limit=0)


def contact(request_id: str = "") -> v1.EnrichContactRequest:
    """Enrich a contact that the sandbox knows."""
    return v1.EnrichContactRequest(
        first_name="Wei",
        last_name="Young",
        company_name="Oakline Logistics",
        enrichment_type=[v1.ENRICHMENT_TYPE_EMAIL],
        request_id=request_id,
    )


def contact_with(blob: str) -> v1.EnrichContactAsyncRequest:
    """Enrich the contact with a `custom` that is echoed."""
    custom = Struct()
    custom.update({"blob": blob})
    return v1.EnrichContactAsyncRequest(
        first_name="Wei",
        last_name="Young",
        company_name="Oakline Logistics",
        enrichment_type=[v1.ENRICHMENT_TYPE_EMAIL],
        custom=custom,
    )


def check_paris(answer: v1.SearchLocationsResponse) -> None:
    """Expect Paris."""
    found = [place for place in answer.locations if place.name == "Paris"]
    check(found and found[0].id == "106383538", "Paris with its id", answer)


def check_stream(events: list[v1.JobEvent]) -> None:
    """Expect all of a search for 3 engineers."""
    log = [event for event in events if event.WhichOneof("event") != "progress"]
    kinds = [event.WhichOneof("event") for event in log]
    check(kinds == ["started", "lead", "lead", "lead", "completed"], "a whole search", kinds)
    sequences = [event.sequence for event in log]
    check(sequences == [1, 2, 3, 4, 5], "sequences without holes", sequences)
    account = log[-1].completed
    check(account.outcome == v1.JOB_OUTCOME_COMPLETE, "COMPLETE", account)
    check(account.counts.delivered == 3, "3 delivered", account)


def check_mistakes(error: ProntoError) -> None:
    """Expect the error of `mistakes`."""
    check(error.code() is grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", error)
    check(error.reason == v1.ERROR_REASON_INVALID_REQUEST, "INVALID_REQUEST", error)
    fields = [violation.field for violation in error.field_violations]
    check(fields == ["filters.included_locations[0]", "limit"], "both fields", fields)


def check_unknown_job(error: ProntoError) -> None:
    """Expect the error of a job that does not exist."""
    check(error.code() is grpc.StatusCode.NOT_FOUND, "NOT_FOUND", error)
    check(error.reason == v1.ERROR_REASON_NOT_FOUND, "reason NOT_FOUND", error.reason_name)
    check("job_id" in error.metadata, "metadata job_id", error.metadata)


def check_goes_on(job: v1.Job) -> None:
    """Expect a job that leaving its stream did not end."""
    ended = (v1.JOB_STATE_CANCELLED, v1.JOB_STATE_FAILED)
    check(job.state not in ended, "a job that goes on", job)


def stay() -> None:
    """Keep the client while the caller looks at the server: closing it ends streams, too."""
    print("cancelled", flush=True)
    sys.stdin.read()


def check_blob(events: list[v1.JobEvent], blob: str) -> None:
    """Expect the echo of a `custom`."""
    blobs = [e.contact.custom["blob"] for e in events if e.WhichOneof("event") == "contact"]
    check(blobs == [blob], "the same custom", [len(str(value)) for value in blobs])


def check_too_large(error: ProntoError) -> None:
    """Expect the refusal of a request that is too large."""
    check(error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", error)
    check(error.reason == v1.ERROR_REASON_MESSAGE_TOO_LARGE, "MESSAGE_TOO_LARGE", error)


def line(event: v1.JobEvent) -> str:
    """Describe an event in one line."""
    kind = event.WhichOneof("event")
    key = event.lead.lead.linkedin_url if kind == "lead" else "-"
    return f"{event.sequence} {kind} {key}"


def last_line(account: v1.JobCompleted | None) -> str:
    """Describe the account of a job in one line."""
    if account is None:
        raise AssertionError("the stream ended without an account")
    outcome = v1.JobOutcome.Name(account.outcome).removeprefix("JOB_OUTCOME_")
    return f"account {outcome} {account.counts.delivered}"
