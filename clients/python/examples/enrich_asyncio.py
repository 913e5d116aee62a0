# SPDX-License-Identifier: Apache-2.0
"""Find the emails of people in a CSV file: enrich.py with asyncio.

python examples/enrich_asyncio.py IN.csv OUT.csv REQUEST_ID
"""

import asyncio
import os
import pathlib
import sys
from collections.abc import Sequence

from enrich import explain, read, report, request_for, unknown_job, write

import pronto_grpc
from pronto_grpc import aio, v1


async def enrich(
    client: aio.Client, rows: Sequence[dict[str, str]], request_id: str
) -> tuple[dict[int, v1.Contact], v1.JobCompleted | None]:
    """Enrich the rows as one batch; return what was found, by row, and how it ended."""
    # The same id and the same rows are the same job, however often they are sent.
    try:
        job: pronto_grpc.Followable = await client.contacts.StartBulkContactEnrichment(
            request_for(rows, request_id)
        )
    except pronto_grpc.ProntoError as error:
        job = unknown_job(error)
    contacts: dict[int, v1.Contact] = {}
    async with client.follow(job) as events:
        async for event in events:
            # Results come in any order; each says which row it belongs to, where that is known.
            if event.WhichOneof("event") == "contact" and event.contact.HasField("index"):
                contacts[event.contact.index] = event.contact
                print(f"contact {event.contact.index}", flush=True)
    return contacts, events.account


async def enrich_all(
    rows: Sequence[dict[str, str]], request_id: str
) -> tuple[dict[int, v1.Contact], v1.JobCompleted | None]:
    """Connect and enrich, and say what is wrong."""
    client = aio.connect(
        os.environ.get("PRONTO_ADDRESS") or "localhost:50051",
        token_file=os.environ.get("PRONTO_TOKEN_FILE") or None,
    )
    async with client:
        try:
            return await enrich(client, rows, request_id)
        except pronto_grpc.ProntoError as error:
            sys.exit(explain(error))


def main() -> None:
    """Read, enrich, write. Files are read and written where nothing else waits for it."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, target, request_id = sys.argv[1:]
    rows = read(source)
    contacts, account = asyncio.run(enrich_all(rows, request_id))
    write(pathlib.Path(target), rows, contacts)
    report(account, contacts)


if __name__ == "__main__":
    main()
