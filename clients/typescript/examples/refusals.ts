// SPDX-License-Identifier: Apache-2.0

// Three refusals, and what an application reads from each. Exits 0 when all came as
// they should.
import { ErrorReason, ProntoError } from "pronto-grpc";
import { EnrichmentType } from "pronto-grpc/v1";

import { connectFromEnvironment } from "./connection.js";

using pronto = connectFromEnvironment();

// What a call may cost can be capped. Nothing is sent when it could cost more.
const budget = await refusal(ErrorReason.BUDGET_EXCEEDED, () =>
  pronto.contacts.enrichContact({
    firstName: "Wei",
    lastName: "Young",
    companyName: "Oakline Logistics",
    enrichmentType: [EnrichmentType.EMAIL],
    maxCredits: 0n,
  }),
);
for (const { description } of budget.quotaViolations) console.log(`budget: ${description}`);

// All mistakes in a request come at once, each with the path of its field.
const invalid = await refusal(ErrorReason.INVALID_REQUEST, () =>
  pronto.leads.startLeadSearch({ filters: { includedLocations: ["Paris"] }, limit: 0 }),
);
for (const { field, description } of invalid.fieldViolations)
  console.log(`invalid: ${field}: ${description}`);

// Calls wait for their turn under Pronto's rate limit, here two a minute. A call whose
// turn would come after its deadline is refused at once, and told when to come back.
const limited = await refusal(ErrorReason.RATE_LIMITED, async () => {
  for (let call = 0; call < 10; call++)
    // A company that the sandbox knows.
    await pronto.accounts.getHeadcount({ companyLinkedinId: "10000019" }, { timeoutMs: 1_000 });
});
if (limited.retryDelayMs === undefined) throw new Error("RATE_LIMITED without RetryInfo");
console.log(`rate limited: try again in ${String(Math.ceil(limited.retryDelayMs / 1000))} s`);

/** The refusal that a call ends with. */
async function refusal(reason: ErrorReason, call: () => Promise<unknown>): Promise<ProntoError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof ProntoError && error.reason === reason) return error;
    throw error;
  }
  throw new Error(`expected ${ErrorReason[reason]}, and nothing was refused`);
}
