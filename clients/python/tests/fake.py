# SPDX-License-Identifier: Apache-2.0
"""A server that does what a test wrote down, and time that passes only when it is told to."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from pronto_grpc import v1
from pronto_grpc._clock import Clock
from pronto_grpc.v1 import contacts_pb2_grpc, jobs_pb2_grpc

JOB = "01a1fd85-ca81-7787-98b6-40a0fc2f72a7"
# Only bounds how long a broken test hangs.
SOON = 30


@dataclass(frozen=True)
class Refusal:
    """An error that a server answers."""

    code: grpc.StatusCode
    reason: str = ""
    retry_delay: float | None = None
    domain: str = "pronto.v1"
    metadata: dict[str, str] = field(default_factory=dict)

    def details(self) -> bytes:
        """Return the value of grpc-status-details-bin."""
        details: list[Message] = []
        if self.reason:
            details.append(
                error_details_pb2.ErrorInfo(
                    reason=self.reason, domain=self.domain, metadata=self.metadata
                )
            )
        if self.retry_delay is not None:
            delay = duration_pb2.Duration()
            delay.FromNanoseconds(int(self.retry_delay * 1e9))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        return status(details)

    def raise_in(self, context: Any) -> NoReturn:
        """End a call of the server."""
        context.set_trailing_metadata((("grpc-status-details-bin", self.details()),))
        context.abort(self.code, "as the test wants")
        raise AssertionError("abort raises")


# The test did not expect this call; no client goes on after it.
UNSCRIPTED = Refusal(grpc.StatusCode.FAILED_PRECONDITION)


class Silence:
    """A server that says nothing until its client goes away."""

    def __init__(self) -> None:
        self.left = threading.Event()

    def wait_in(self, context: Any) -> None:
        """Wait until the call of the server ends."""
        if not context.add_callback(self.left.set):
            self.left.set()
        # Longer than a test waits for it: a client that does not leave is a failure.
        self.left.wait(2 * SOON)


Step = v1.JobEvent | Refusal | Silence | Callable[[Any], object]


def status(details: list[Message]) -> bytes:
    """Pack details of an error."""
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return bytes(status_pb2.Status(code=2, message="-", details=packed).SerializeToString())


def started() -> v1.JobEvent:
    """Make the first event of a job."""
    return v1.JobEvent(job_id=JOB, sequence=1, started=v1.JobStarted())


def lead(sequence: int) -> v1.JobEvent:
    """Make an event with a person."""
    return v1.JobEvent(job_id=JOB, sequence=sequence, lead=v1.LeadResult())


def progress() -> v1.JobEvent:
    """Make an event that says how far a job is."""
    return v1.JobEvent(job_id=JOB, progress=v1.JobProgress())


def completed(sequence: int, missing: tuple[int, ...] = ()) -> v1.JobEvent:
    """Make the event that ends a job."""
    account = v1.JobCompleted(
        outcome=v1.JOB_OUTCOME_COMPLETE,
        counts=v1.JobCounts(delivered=sequence - 2),
        missing_indexes=missing,
    )
    return v1.JobEvent(job_id=JOB, sequence=sequence, completed=account)


class Server(jobs_pb2_grpc.JobServiceServicer, contacts_pb2_grpc.ContactServiceServicer):
    """Plays the steps of one stream after the other, and remembers what it was asked."""

    def __init__(self, confidential: str | None = None) -> None:
        """Listen, and besides at an address that gRPC trusts with the credentials of a call."""
        self.streams: deque[list[Step]] = deque()
        self.jobs: deque[v1.Job | Refusal | Silence] = deque()
        self.contacts: deque[Refusal | Silence] = deque()
        self.watched_after: list[int] = []
        self.requests: list[Message] = []
        self.metadata: list[list[tuple[str, str | bytes]]] = []
        self.time_left: list[float | None] = []
        self.began = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=512),
            # As pronto-grpc has it by default: on a connection, more wait.
            options=[("grpc.max_concurrent_streams", 256)],
        )
        jobs_pb2_grpc.add_JobServiceServicer_to_server(self, self._server)
        contacts_pb2_grpc.add_ContactServiceServicer_to_server(self, self._server)
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        if confidential is not None:
            local = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
            self._server.add_secure_port(confidential, local)
        self._server.start()

    def stop(self) -> None:
        """End the server."""
        self._server.stop(None).wait(SOON)

    def WatchJob(self, request: v1.WatchJobRequest, context: Any) -> Iterator[v1.JobEvent]:
        self._remember(request, context)
        self.watched_after.append(request.after_sequence)
        if not self.streams:
            UNSCRIPTED.raise_in(context)
        for step in self.streams.popleft():
            if isinstance(step, Refusal):
                step.raise_in(context)
            elif isinstance(step, Silence):
                step.wait_in(context)
                return
            elif callable(step):
                step(context)
            else:
                yield step

    def GetJob(self, request: v1.GetJobRequest, context: Any) -> v1.GetJobResponse:
        self._remember(request, context)
        job = self.jobs.popleft() if self.jobs else UNSCRIPTED
        if isinstance(job, Refusal):
            job.raise_in(context)
        if isinstance(job, Silence):
            job.wait_in(context)
            return v1.GetJobResponse()
        return v1.GetJobResponse(job=job)

    def EnrichContact(
        self, request: v1.EnrichContactRequest, context: Any
    ) -> v1.EnrichContactResponse:
        self._remember(request, context)
        if self.contacts:
            step = self.contacts.popleft()
            if isinstance(step, Refusal):
                step.raise_in(context)
            step.wait_in(context)
        return v1.EnrichContactResponse(outcome=v1.ENRICHMENT_OUTCOME_FOUND)

    def StartBulkContactEnrichment(
        self, request: v1.BulkEnrichContactsRequest, context: Any
    ) -> v1.StartResponse:
        self._remember(request, context)
        return v1.StartResponse(job=v1.Job(id=JOB))

    def sent(self, name: str) -> list[list[str | bytes]]:
        """Return what each call had under a name of metadata."""
        return [[value for key, value in pairs if key == name] for pairs in self.metadata]

    def _remember(self, request: Message, context: Any) -> None:
        context.add_callback(self.ended.release)
        self.requests.append(request)
        self.time_left.append(context.time_remaining())
        self.metadata.append([tuple(pair) for pair in context.invocation_metadata()])
        self.began.release()


class Time:
    """Time that passes only by waiting, and chance that always says the most."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.waits: list[float] = []
        self.clock = Clock(now=lambda: self.seconds, random=lambda: 1.0)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.seconds += seconds

    async def wait_async(self, seconds: float) -> None:
        """Let time pass, for asyncio."""
        self.wait(seconds)
