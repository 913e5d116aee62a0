# SPDX-License-Identifier: Apache-2.0
"""Closes a client at each line that its main thread runs, as a signal handler may.

A program, since what is wrong there crashes or hangs the interpreter. Prints how many lines.
"""

from __future__ import annotations

import faulthandler
import pathlib
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import grpc
from fake import JOB, SOON, Refusal, Server, completed, started

import pronto_grpc
from pronto_grpc import _patience, _repeating, v1

PACKAGE = str(pathlib.Path(pronto_grpc.__file__).parent)
OURS = (PACKAGE, threading.__file__)
UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE)

Place = tuple[str, int]
Work = Callable[[pronto_grpc.Client], object]


def call(client: pronto_grpc.Client) -> None:
    client.jobs.GetJob(v1.GetJobRequest())


def repeat(client: pronto_grpc.Client) -> None:
    client.contacts.EnrichContact(v1.EnrichContactRequest(request_id="order-7"))


def watch(client: pronto_grpc.Client) -> None:
    left = client.jobs.WatchJob(v1.WatchJobRequest())
    next(left)
    assert len(list(client.jobs.WatchJob(v1.WatchJobRequest()))) == 1
    left.cancel()


def follow(client: pronto_grpc.Client) -> None:
    assert len(list(client.follow(JOB))) == 2


def check(error: Exception) -> None:
    # By this client or by gRPC.
    assert "closed" in str(error), error


def interrupt(work: Work, at: Callable[[Place, pronto_grpc.Client], object]) -> None:
    """Work with a client of a server that refuses once; stop at each line."""
    server = Server()  # type: ignore[abstract]
    server.jobs.append(v1.Job(id=JOB))
    server.contacts.append(UNAVAILABLE)
    server.streams.extend([[started(), UNAVAILABLE], [completed(2)]])
    client = pronto_grpc.connect(server.target)

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        file = frame.f_code.co_filename
        # Of the library, that which we call ourselves.
        if not file.startswith(OURS) or not (frame.f_back and is_ours(frame.f_back)):
            return None
        if event == "line":
            at((file, frame.f_lineno), client)
        return trace

    def is_ours(caller: FrameType) -> bool:
        return caller.f_code.co_filename.startswith((*OURS, __file__))

    try:
        sys.settrace(trace)
        work(client)
    except (pronto_grpc.ProntoError, ValueError) as error:
        check(error)
    finally:
        sys.settrace(None)
    # Nothing was opened behind the end.
    assert not client._pool._lines or not client._dialer.closed.is_set()
    client.close()
    server.stop()


def close_everywhere(work: Work) -> int:
    """Return at how many lines."""
    places: dict[Place, None] = {}
    interrupt(work, lambda place, _: places.setdefault(place))
    for chosen in places:
        faulthandler.dump_traceback_later(SOON, exit=True)

        def close(place: Place, client: pronto_grpc.Client, chosen: Place = chosen) -> None:
            if place == chosen:
                client.close()

        interrupt(work, close)
        faulthandler.cancel_dump_traceback_later()
    return len(places)


if __name__ == "__main__":
    # Nothing is worth waiting for here.
    _patience.BASE_WAIT = _repeating.INITIAL_BACKOFF = 0.001
    join = threading.Thread.join
    threading.Thread.join = lambda thread, _=None: join(thread, 0.01)  # type: ignore
    works: dict[str, Work] = {"call": call, "repeat": repeat, "watch": watch, "follow": follow}
    print(close_everywhere(works[sys.argv[1]]))
