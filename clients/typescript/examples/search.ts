// SPDX-License-Identifier: Apache-2.0

// Searches for engineers and prints each as soon as Pronto finds them. Cut the network
// or restart the server meanwhile: the search goes on where it was.
//
//   search [LIMIT]
import { randomUUID } from "node:crypto";

import type { JobEvent } from "pronto-grpc/v1";
import { JobOutcome } from "pronto-grpc/v1";

import { connectFromEnvironment } from "./connection.js";

using pronto = connectFromEnvironment();
const limit = Number(process.argv[2] ?? "20");

// With a request id the start is safe to repeat, so the client does that by itself.
const start = await pronto.leads.startLeadSearch({
  filters: { jobTitles: ["engineer"] },
  limit,
  requestId: randomUUID(),
});

const events = pronto.follow(start);
for await (const { event } of events) {
  if (event.case === "lead") console.log(describe(event.value));
}

// The account proves what arrived: INCOMPLETE would mean that people are missing.
const { outcome, counts } = events.account ?? {};
console.log(`${JobOutcome[outcome ?? 0] ?? "?"}: ${String(counts?.delivered ?? 0n)} people`);

function describe({ lead, company }: (JobEvent["event"] & { case: "lead" })["value"]): string {
  return `${lead?.firstName ?? "?"} ${lead?.lastName ?? "?"}, ${lead?.title ?? "?"} at ${company?.name ?? "?"}`;
}
