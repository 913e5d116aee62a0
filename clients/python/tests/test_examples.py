# SPDX-License-Identifier: Apache-2.0
"""What the examples do with unusual files and results."""

from __future__ import annotations

import asyncio
import pathlib

import enrich
import enrich_asyncio
import pytest
from fake import JOB, Server, completed, started

import pronto_grpc
from pronto_grpc import aio, v1

ROW = {"first_name": "Wei", "last_name": "Young", "company_name": "", "linkedin_url": ""}


@pytest.fixture
def with_a_stray_result(server: Server) -> Server:
    """A server with a result of which nobody knows the row, and one of the second row."""
    stray = v1.JobEvent(job_id=JOB, sequence=2, contact=v1.Contact(email="stray@example.com"))
    known = v1.JobEvent(job_id=JOB, sequence=3, contact=v1.Contact(index=1, email="b@example.com"))
    server.streams.append([started(), stray, known, completed(4)])
    return server


def test_a_result_without_row_is_in_none(
    with_a_stray_result: Server, tmp_path: pathlib.Path
) -> None:
    target = tmp_path / "out.csv"
    with pronto_grpc.connect(with_a_stray_result.target) as client:
        enrich.enrich(client, [ROW, ROW], target, "order-7")
    emails = [line.split(",")[4] for line in target.read_text().splitlines()]
    assert emails == ["email", "", "b@example.com"]


def test_asyncio_a_result_without_row_is_in_none(with_a_stray_result: Server) -> None:
    async def run() -> list[int]:
        async with aio.connect(with_a_stray_result.target) as client:
            contacts, _ = await enrich_asyncio.enrich(client, [ROW, ROW], "order-7")
            return list(contacts)

    assert asyncio.run(run()) == [1]


def test_a_file_without_a_column(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("first_name,company_name\nWei,Oakline\n")
    with pytest.raises(SystemExit, match=r"in\.csv has no column last_name, linkedin_url"):
        enrich.read(str(source))
