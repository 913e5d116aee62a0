// SPDX-License-Identifier: Apache-2.0

// Finds the emails of the people in a CSV file. Run it again with the same request id
// after a crash, on another machine: it continues the same job and pays nothing, for as long
// as the server keeps ids (docs/money.md). Columns that it does not know are kept.
//
//   enrich IN.csv OUT.csv REQUEST_ID
import { readFile, rename, writeFile } from "node:fs/promises";

import { ErrorReason, type NodePronto, ProntoError } from "pronto-grpc";
import { type Contact, EnrichmentType, JobOutcome, type StartResponse } from "pronto-grpc/v1";

import { connectFromEnvironment } from "./connection.js";
import { formatCsv } from "./csv.js";
import { readTable } from "./table.js";

const columns = ["first_name", "last_name", "company_name", "linkedin_url"] as const;

const [input, output, requestId] = process.argv.slice(2);
if (!input || !output || !requestId) throw new Error("usage: enrich IN.csv OUT.csv REQUEST_ID");
const { header, rows, cells } = readTable(input, await readFile(input, "utf8"), columns);

using pronto = connectFromEnvironment();
try {
  await enrich(pronto, input, output, requestId);
} catch (error) {
  if (!(error instanceof ProntoError) || error.reason !== ErrorReason.REQUEST_ID_REUSED)
    throw error;
  console.error(`${requestId} was used before with other people: take a new id for a new request.`);
  process.exitCode = 1;
}

/** Starts the batch, or finds the job that the same request started before. */
async function start(pronto: NodePronto, requestId: string): Promise<StartResponse | string> {
  const request = {
    contacts: rows.map(cells).map((person) => ({
      firstName: person.first_name,
      lastName: person.last_name,
      // An optional field that is empty is something else than one that is not there.
      ...(person.company_name && { companyName: person.company_name }),
      ...(person.linkedin_url && { linkedinUrl: person.linkedin_url }),
    })),
    enrichmentType: [EnrichmentType.EMAIL],
    requestId,
  };
  try {
    return await pronto.contacts.startBulkContactEnrichment(request);
  } catch (error) {
    if (!(error instanceof ProntoError) || error.reason !== ErrorReason.OUTCOME_UNKNOWN)
      throw error;
    // Pronto may have the batch and charge it. The job collects what it delivers, and ends
    // at its deadline if that is nothing.
    console.error("Pronto's answer was lost; waiting for what it delivers");
    return error.info["job_id"] ?? "";
  }
}

async function enrich(pronto: NodePronto, input: string, output: string, requestId: string) {
  const found = new Map<number, Contact>();
  const events = pronto.follow(await start(pronto, requestId));
  for await (const { event } of events) {
    if (event.case !== "contact" || event.value.index === undefined) continue;
    found.set(event.value.index, event.value);
    console.log(`contact ${String(event.value.index)}`);
  }

  await writeWhole(output, table(found));
  for (const [index, row] of rows.entries()) {
    const { first_name, last_name } = cells(row);
    if (!found.has(index)) console.error(`nothing came for ${first_name} ${last_name} of ${input}`);
  }
  const { outcome, counts } = events.account ?? {};
  const credits = String(counts?.credits ?? 0n);
  console.log(
    `${JobOutcome[outcome ?? 0] ?? "?"}: ${String(found.size)} contacts, ${credits} credits`,
  );
}

/** The rows of the input, in its order, with what was found. */
function table(found: ReadonlyMap<number, Contact>): string {
  const enriched = rows.map((row, index) => {
    const contact = found.get(index);
    return [...row, contact?.email ?? "", contact?.emailStatus ?? ""];
  });
  return formatCsv([[...header, "email", "email_status"], ...enriched]);
}

/** Nobody sees half a file: it is renamed once it is whole. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${String(process.pid)}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}
