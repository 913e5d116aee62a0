# SPDX-License-Identifier: Apache-2.0
"""The client."""

from __future__ import annotations

import threading
import weakref
from types import TracebackType

import grpc

from pronto_grpc import v1
from pronto_grpc._connection import plan
from pronto_grpc._credentials import CallMetadata, PathLike
from pronto_grpc._dialer import Dialer
from pronto_grpc._endpoint import DEFAULT
from pronto_grpc._follow import Follow
from pronto_grpc._following import Followable, Following, Limits, job_id_of
from pronto_grpc._pool import Pool
from pronto_grpc._route import Route
from pronto_grpc._share import Share
from pronto_grpc._tls import Tls


class Client:
    """A connection to pronto-grpc: a stub for each service, and `follow`.

    Close it with `close()`, or use it in a `with`. It may be used by many threads. Streams have
    connections of their own, a hundred on each: those of the stubs, and of the jobs that are
    followed.

    Attributes:
        channel: The channel, for stubs of other services such as health. What is called over it
            carries the credentials, and fails with `ProntoError`.
    """

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        # What `close` ends besides the channels; held weakly, since most of it ends before.
        self._followers: weakref.WeakSet[Follow] = weakref.WeakSet()
        # A thread may take it twice: a signal handler closes clients in the middle of something.
        self._lock = threading.RLock()
        self._pool = Pool(dialer.open)
        self.channel = channel = Route(dialer.open(), self._pool)
        self.accounts = v1.AccountServiceStub(channel)
        self.contacts = v1.ContactServiceStub(channel)
        self.jobs = v1.JobServiceStub(channel)
        self.leads = v1.LeadServiceStub(channel)
        self.lists = v1.ListServiceStub(channel)
        self.locations = v1.LocationServiceStub(channel)
        self.personas = v1.PersonaServiceStub(channel)
        self.sandbox = v1.SandboxServiceStub(channel)
        self.searches = v1.SearchServiceStub(channel)
        self.signals = v1.SignalServiceStub(channel)
        self.usage = v1.UsageServiceStub(channel)
        self.workspace = v1.WorkspaceServiceStub(channel)

    def follow(
        self,
        job: Followable,
        *,
        after: int = 0,
        progress: bool = False,
        patience: float = Limits.patience,
        idle: float = Limits.idle,
        timeout: float | None = None,
        metadata: CallMetadata = (),
    ) -> Follow:
        """Return the events of a job, and continue whenever the stream breaks.

        Args:
            job: The answer of a Start RPC, a job, or its id.
            after: The sequence of the last event that is known already.
            progress: Whether to hand out `progress` events, too; their sequence is 0.
            patience: For so many seconds it goes on trying without any new event; then the last
                error is raised. The time in which a stream is open does not count, but the
                silence of one that is left (`idle`) does.
            idle: A stream that is silent for so many seconds is begun again, over another
                connection. The server sends `progress` at least every 20 s.
            timeout: After so many seconds `TimeoutError` is raised. The job goes on.
            metadata: What its calls carry besides; an `authorization` or `x-api-key` takes the
                place of the client's.

        Raises:
            NoJobError: There is no job: the id is empty, or the request named its own webhook_url.
            ValueError: Another argument makes no sense.

        The iteration raises `ProntoError` when the job failed, was cancelled or cannot be
        followed, also behind `completed`, and `SequenceGapError` when events are missing.
        """
        following = Following(job_id_of(job), after, progress, Limits(patience, idle, timeout))
        follower = Follow(Share(self._pool), following, metadata=metadata)
        with self._lock:
            self._followers.add(follower)
        return follower

    def close(self) -> None:
        """Close all connections. Any thread may do so, and a signal handler.

        Calls under way, waits between their attempts, and what is followed end at once, with
        `ProntoError` and CANCELLED. Calls that begin later are a `ValueError`.
        """
        self._dialer.closed.set()
        with self._lock:
            followers = list(self._followers)
        for follower in followers:
            follower.close_with_client()
        for channel in (*self._pool.shut(), self.channel):
            channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def connect(
    target: str = DEFAULT,
    *,
    tls: bool | Tls = False,
    token: str | None = None,
    token_file: PathLike | None = None,
    api_key: str | None = None,
    allow_insecure: bool = False,
    compression: grpc.Compression | None = None,
) -> Client:
    """Return a client of a server. The connection is made by the first call.

    Calls that the API declares to be harmless, and those with a `request_id`, are repeated
    when the server is UNAVAILABLE, up to five times in all and within their timeout. No other
    call is: it may have been carried out and charged.

    Args:
        target: `HOST:PORT`, `unix:PATH` or `unix:///PATH`.
        tls: Whether the connection is encrypted: True trusts whom the system trusts, `Tls` says
            more.
        token: The client's token.
        token_file: A file with the client's token, read again when it changes.
        api_key: A key of Pronto, for servers that let clients bring their own.
        allow_insecure: Whether a token or key may be sent in the clear to another machine.
        compression: How requests are compressed. The server must have it switched on.

    Raises:
        ValueError: The arguments contradict each other, cannot be used, or would send a token or
            key in the clear to another machine. It names the argument, and the file.
        OSError: A file cannot be read. It names the argument, too.
    """
    connection = plan(
        target,
        tls=tls,
        token=token,
        token_file=token_file,
        api_key=api_key,
        allow_insecure=allow_insecure,
    )
    return Client(Dialer(connection, compression))
