# SPDX-License-Identifier: Apache-2.0
"""Find the emails of people in a CSV file.

    python examples/enrich.py IN.csv OUT.csv REQUEST_ID

IN.csv has the columns first_name, last_name, company_name and linkedin_url, perhaps others, and
2 to 100 rows. OUT.csv gets them all with email and email_status. When the program is stopped,
run it again with the same REQUEST_ID: it continues the same job, and nothing is paid twice, for
as long as the server keeps ids (docs/money.md).
"""

import csv
import os
import pathlib
import sys
from collections.abc import Mapping, Sequence

import pronto_grpc
from pronto_grpc import v1

COLUMNS = ("first_name", "last_name", "company_name", "linkedin_url")


def main() -> None:
    """Read, enrich, write."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, target, request_id = sys.argv[1:]
    rows = read(source)
    client = pronto_grpc.connect(
        os.environ.get("PRONTO_ADDRESS") or "localhost:50051",
        token_file=os.environ.get("PRONTO_TOKEN_FILE") or None,
    )
    with client:
        try:
            enrich(client, rows, pathlib.Path(target), request_id)
        except pronto_grpc.ProntoError as error:
            sys.exit(explain(error))


def read(source: str) -> list[dict[str, str]]:
    """Read the rows of a CSV file, and check them before anything is paid."""
    with open(source, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, restval="")
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            sys.exit(f"{source} has no column {', '.join(missing)}")
        rows = []
        for row in reader:
            # So csv hands out cells for which there is no column.
            if None in row:
                sys.exit(
                    f"{source}, line {reader.line_num}: more cells than the header has columns"
                )
            rows.append(row)
        return rows


def enrich(
    client: pronto_grpc.Client,
    rows: Sequence[dict[str, str]],
    target: pathlib.Path,
    request_id: str,
) -> None:
    """Enrich the rows as one batch, and write them in their order."""
    # The same id and the same rows are the same job, however often they are sent.
    try:
        job: pronto_grpc.Followable = client.contacts.StartBulkContactEnrichment(
            request_for(rows, request_id)
        )
    except pronto_grpc.ProntoError as error:
        job = unknown_job(error)
    contacts: dict[int, v1.Contact] = {}
    with client.follow(job) as events:
        for event in events:
            # Results come in any order; each says which row it belongs to, where that is known.
            if event.WhichOneof("event") == "contact" and event.contact.HasField("index"):
                contacts[event.contact.index] = event.contact
                print(f"contact {event.contact.index}", flush=True)
    write(target, rows, contacts)
    report(events.account, contacts)


def request_for(rows: Sequence[Mapping[str, str]], request_id: str) -> v1.BulkEnrichContactsRequest:
    """Ask for the emails of all rows."""
    return v1.BulkEnrichContactsRequest(
        contacts=[
            v1.ContactToEnrich(
                first_name=row["first_name"],
                last_name=row["last_name"],
                company_name=row["company_name"] or None,
                # None leaves it out: an empty text is no LinkedIn profile, and would be refused.
                linkedin_url=row["linkedin_url"] or None,
            )
            for row in rows
        ],
        enrichment_type=[v1.ENRICHMENT_TYPE_EMAIL],
        request_id=request_id,
    )


def unknown_job(error: pronto_grpc.ProntoError) -> str:
    """Name the job of a start whose answer was lost between Pronto and the server."""
    if error.reason != v1.ERROR_REASON_OUTCOME_UNKNOWN:
        raise error
    # Pronto may have the batch and charge it. The job collects what it delivers, and ends at
    # its deadline if that is nothing.
    print("Pronto's answer was lost; waiting for what it delivers", file=sys.stderr, flush=True)
    return error.metadata["job_id"]


def write(
    target: pathlib.Path, rows: Sequence[dict[str, str]], contacts: Mapping[int, v1.Contact]
) -> None:
    """Write the result whole or not at all: a reader never sees half of it."""
    part = target.with_name(f"{target.name}.part")
    with open(part, "w", newline="", encoding="utf-8") as file:
        # A file that was enriched before has the columns of the result already.
        columns = dict.fromkeys([*rows[0], *found(v1.Contact())])
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        for index, row in enumerate(rows):
            contact = contacts.get(index, v1.Contact())
            writer.writerow({**row, **found(contact)})
    os.replace(part, target)


def found(contact: v1.Contact) -> dict[str, str]:
    """Pick what the file shows of a contact."""
    return {"email": contact.email, "email_status": contact.email_status}


def report(account: v1.JobCompleted | None, contacts: Mapping[int, v1.Contact]) -> None:
    """Say how it ended, and which rows nothing came for."""
    if account is None:
        return
    if account.missing_indexes:
        print(f"nothing came for rows {', '.join(map(str, account.missing_indexes))}", flush=True)
    outcome = v1.JobOutcome.Name(account.outcome).removeprefix("JOB_OUTCOME_")
    print(f"{outcome}: {len(contacts)} contacts, {account.counts.credits} credits", flush=True)


def explain(error: pronto_grpc.ProntoError) -> str:
    """Say in words what can be done."""
    if error.reason == v1.ERROR_REASON_REQUEST_ID_REUSED:
        return (
            f"REQUEST_ID_REUSED: the id was used before for other rows (job "
            f"{error.metadata.get('job_id')}): take the rows of that time, or a new id"
        )
    return f"the enrichment failed: {error}"


if __name__ == "__main__":
    main()
