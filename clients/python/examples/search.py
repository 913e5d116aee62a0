# SPDX-License-Identifier: Apache-2.0
"""Search for engineers, and print them as they are found.

python examples/search.py [LIMIT]
"""

import os
import sys
import uuid

import pronto_grpc
from pronto_grpc import v1


def search(client: pronto_grpc.Client, limit: int) -> None:
    """Start a search and follow it to its end."""
    request = v1.SearchLeadsRequest(
        filters=v1.LeadFilters(job_titles=["engineer"]),
        limit=limit,
        # With an id the client repeats the call when the server is not there for a moment, and
        # only one search is started.
        request_id=str(uuid.uuid4()),
    )
    start = client.leads.StartLeadSearch(request)
    # However often the connection breaks, each event comes once and none is left out.
    with client.follow(start) as events:
        for event in events:
            if event.WhichOneof("event") == "lead":
                print(describe(event.lead), flush=True)
    if events.account is not None:
        outcome = v1.JobOutcome.Name(events.account.outcome).removeprefix("JOB_OUTCOME_")
        print(f"{outcome}: {events.account.counts.delivered} people", flush=True)


def describe(result: v1.LeadResult) -> str:
    """Tell who was found."""
    lead = result.lead
    return f"{lead.first_name} {lead.last_name}, {lead.title} at {result.company.name}"


def main() -> None:
    """Connect, search, and say what is wrong."""
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    client = pronto_grpc.connect(
        os.environ.get("PRONTO_ADDRESS") or "localhost:50051",
        token_file=os.environ.get("PRONTO_TOKEN_FILE") or None,
    )
    with client:
        try:
            search(client, limit)
        except pronto_grpc.ProntoError as error:
            sys.exit(f"the search failed: {error}")


if __name__ == "__main__":
    main()
