# SPDX-License-Identifier: Apache-2.0
"""Calls after the client was closed. grpcio may crash there, so each runs in its own process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest
from fake import JOB, Server

import pronto_grpc
from pronto_grpc import aio, v1

CALLS = [
    "client.jobs.GetJob(v1.GetJobRequest())",
    "list(client.jobs.WatchJob(v1.WatchJobRequest()))",
    "next(client.follow('job'))",
    "client.contacts.EnrichContact(v1.EnrichContactRequest(request_id='order-7'))",
    "client.jobs.GetJob.future(v1.GetJobRequest()).result()",
]

PROGRAM = """
import sys, pronto_grpc
from pronto_grpc import v1
client = pronto_grpc.connect(sys.argv[1])
if sys.argv[2] == "used":
    try:
        client.jobs.GetJob(v1.GetJobRequest())
    except pronto_grpc.ProntoError:
        pass
client.close()
try:
    {call}
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("before", ["used", "unused"])
@pytest.mark.parametrize("call", CALLS)
def test_a_closed_client_refuses(server: Server, call: str, before: str) -> None:
    program = PROGRAM.format(call=call)
    command = [sys.executable, "-c", program, server.target, before]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert "closed" in done.stdout


async def get(client: aio.Client) -> None:
    await client.jobs.GetJob(v1.GetJobRequest())


async def watch(client: aio.Client) -> None:
    async for _ in client.jobs.WatchJob(v1.WatchJobRequest()):
        pass


async def read(client: aio.Client) -> None:
    await client.jobs.WatchJob(v1.WatchJobRequest()).read()


async def follow(client: aio.Client) -> None:
    await anext(client.follow(JOB))


async def repeat(client: aio.Client) -> None:
    await client.contacts.EnrichContact(v1.EnrichContactRequest(request_id="order-7"))


ASYNC_CALLS = [get, watch, read, follow, repeat]


@pytest.mark.parametrize("call", ASYNC_CALLS)
def test_a_closed_client_of_asyncio_refuses(
    server: Server, call: Callable[[aio.Client], Awaitable[None]]
) -> None:
    async def run() -> None:
        client = aio.connect(server.target)
        await client.close()
        with pytest.raises(ValueError, match="closed"):
            await call(client)

    asyncio.run(run())


@pytest.mark.parametrize("call", [watch, read])
def test_streams_of_asyncio_raise_typed_errors(
    server: Server, call: Callable[[aio.Client], Awaitable[None]]
) -> None:
    async def run() -> None:
        async with aio.connect(server.target) as client:
            await call(client)

    with pytest.raises(pronto_grpc.ProntoError, match="as the test wants"):
        asyncio.run(run())
