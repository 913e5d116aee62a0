# SPDX-License-Identifier: Apache-2.0
"""What the examples do with unusual files and results."""

from __future__ import annotations

import asyncio
import pathlib
import sys
from types import ModuleType
from typing import NoReturn

import enrich
import enrich_asyncio
import pytest
import refusals
import refusals_asyncio
import search
import search_asyncio
from fake import JOB, Server, completed, started

import pronto_grpc
from pronto_grpc import aio, v1

ASYNC_EXAMPLES = [search_asyncio, enrich_asyncio, refusals_asyncio]

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


class Connected(Exception):  # noqa: N818 (nothing is wrong)
    """An example has come as far as that."""


HEADER = "first_name,last_name,company_name,linkedin_url"


def test_a_row_with_more_cells_is_refused(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"{HEADER}\nWei,Young,Oakline,\nAnn,Lee,Oakline,,extra\n")
    with pytest.raises(SystemExit, match=r"in\.csv, line 3: more cells"):
        enrich.read(str(source))


def test_a_row_with_fewer_cells_is_filled(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"{HEADER}\nWei,Young\n")
    assert enrich.read(str(source)) == [{**ROW, "last_name": "Young"}]


def test_other_columns_are_kept(tmp_path: pathlib.Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(f"{HEADER},note,email\nWei,Young,,,a,old@example.com\n")
    enrich.write(target, enrich.read(str(source)), {0: v1.Contact(email="new@example.com")})
    assert target.read_text().splitlines() == [
        f"{HEADER},note,email,email_status",
        "Wei,Young,,,a,new@example.com,",
    ]


@pytest.mark.parametrize("example", [search, enrich, refusals, *ASYNC_EXAMPLES])
def test_an_empty_variable_is_as_none(
    example: ModuleType, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"{HEADER}\nWei,Young,,\n")
    arguments = [str(source), "out", "id"] if "enrich" in example.__name__ else []
    monkeypatch.setattr(sys, "argv", ["", *arguments])
    monkeypatch.setenv("PRONTO_ADDRESS", "")
    monkeypatch.setenv("PRONTO_TOKEN_FILE", "")
    seen: list[tuple[object, object]] = []

    def connect(target: str, *, token_file: object) -> NoReturn:
        seen.append((target, token_file))
        raise Connected

    monkeypatch.setattr(aio if example in ASYNC_EXAMPLES else pronto_grpc, "connect", connect)

    def run() -> None:
        running = example.main()
        asyncio.run(running)

    with pytest.raises(Connected):
        run()
    assert seen == [("localhost:50051", None)]
