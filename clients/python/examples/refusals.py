# SPDX-License-Identifier: Apache-2.0
"""Handle three refusals: too expensive, invalid, too often.

python examples/refusals.py
"""

import os
import sys
from collections.abc import Callable

import pronto_grpc
from pronto_grpc import v1


def over_budget(client: pronto_grpc.Client) -> None:
    """Ask for something that could cost more than it may."""
    request = v1.EnrichContactRequest(
        first_name="Wei",
        last_name="Young",
        company_name="Oakline Logistics",
        enrichment_type=[v1.ENRICHMENT_TYPE_EMAIL],
        max_credits=0,
    )
    error = refusal(lambda: client.contacts.EnrichContact(request), v1.ERROR_REASON_BUDGET_EXCEEDED)
    # It was refused before anything was sent or paid. The violation names the limit.
    for violation in error.quota_violations:
        print(f"budget: {violation.description}", flush=True)


def invalid(client: pronto_grpc.Client) -> None:
    """Send a request with two mistakes."""
    request = v1.SearchLeadsRequest(
        filters=v1.LeadFilters(included_locations=["Paris"]),
        limit=0,
    )
    error = refusal(lambda: client.leads.StartLeadSearch(request), v1.ERROR_REASON_INVALID_REQUEST)
    # All mistakes are listed at once, with the path of the field.
    for violation in error.field_violations:
        print(f"invalid: {violation.field}: {violation.description}", flush=True)


def too_often(client: pronto_grpc.Client) -> None:
    """Call something until its limit is met."""
    request = v1.GetHeadcountRequest(company_linkedin_id="10000019")

    def call_often() -> None:
        # The limit is 2 per minute. A call whose turn would come after its deadline is refused
        # at once; without a deadline it would wait here.
        for _ in range(10):
            client.accounts.GetHeadcount(request, timeout=1)

    error = refusal(call_often, v1.ERROR_REASON_RATE_LIMITED)
    if error.retry_delay is None:
        sys.exit("the server does not say when to try again")
    print(f"rate limited: try again in {error.retry_delay.total_seconds():g} s", flush=True)


def refusal(
    call: Callable[[], object], reason: v1.ErrorReason.ValueType
) -> pronto_grpc.ProntoError:
    """Return the error of a call that must be refused for this reason."""
    try:
        call()
    except pronto_grpc.ProntoError as error:
        if error.reason == reason:
            return error
        raise
    sys.exit(f"it was not refused with {v1.ErrorReason.Name(reason)}")


def main() -> None:
    """Show all three."""
    client = pronto_grpc.connect(
        os.environ.get("PRONTO_ADDRESS") or "localhost:50051",
        token_file=os.environ.get("PRONTO_TOKEN_FILE") or None,
    )
    with client:
        over_budget(client)
        invalid(client)
        too_often(client)


if __name__ == "__main__":
    main()
