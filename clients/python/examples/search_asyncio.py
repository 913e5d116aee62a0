# SPDX-License-Identifier: Apache-2.0
"""Search for engineers, and print them as they are found: search.py with asyncio.

python examples/search_asyncio.py [LIMIT]
"""

import asyncio
import os
import sys
import uuid

from search import describe

import pronto_grpc
from pronto_grpc import aio, v1


async def search(client: aio.Client, limit: int) -> None:
    """Start a search and follow it to its end."""
    request = v1.SearchLeadsRequest(
        filters=v1.LeadFilters(job_titles=["engineer"]),
        limit=limit,
        # With an id the client repeats the call when the server is not there for a moment, and
        # only one search is started.
        request_id=str(uuid.uuid4()),
    )
    start = await client.leads.StartLeadSearch(request)
    # However often the connection breaks, each event comes once and none is left out.
    async with client.follow(start) as events:
        async for event in events:
            if event.WhichOneof("event") == "lead":
                print(describe(event.lead), flush=True)
    if events.account is not None:
        outcome = v1.JobOutcome.Name(events.account.outcome).removeprefix("JOB_OUTCOME_")
        print(f"{outcome}: {events.account.counts.delivered} people", flush=True)


async def main() -> None:
    """Connect, search, and say what is wrong."""
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    client = aio.connect(
        os.environ.get("PRONTO_ADDRESS") or "localhost:50051",
        token_file=os.environ.get("PRONTO_TOKEN_FILE") or None,
    )
    async with client:
        try:
            await search(client, limit)
        except pronto_grpc.ProntoError as error:
            sys.exit(f"the search failed: {error}")


if __name__ == "__main__":
    asyncio.run(main())
