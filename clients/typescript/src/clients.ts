// SPDX-License-Identifier: Apache-2.0

import { type Client, createClient, type Transport } from "@connectrpc/connect";

import { systemClock } from "./clock.js";
import { type Followable, type FollowOptions, jobId } from "./follow.js";
import { followSettings } from "./follow-options.js";
import { AccountService } from "./gen/pronto/v1/accounts_pb.js";
import { ContactService } from "./gen/pronto/v1/contacts_pb.js";
import { JobService } from "./gen/pronto/v1/jobs_pb.js";
import { LeadService } from "./gen/pronto/v1/leads_pb.js";
import { ListService } from "./gen/pronto/v1/lists_pb.js";
import { LocationService } from "./gen/pronto/v1/locations_pb.js";
import { PersonaService } from "./gen/pronto/v1/personas_pb.js";
import { SandboxService } from "./gen/pronto/v1/sandbox_pb.js";
import { SearchService } from "./gen/pronto/v1/searches_pb.js";
import { SignalService } from "./gen/pronto/v1/signals_pb.js";
import { UsageService } from "./gen/pronto/v1/usage_pb.js";
import { WorkspaceService } from "./gen/pronto/v1/workspace_pb.js";
import { JobStream } from "./job-stream.js";

/** A client of every service. */
export interface Pronto {
  /** Find and enrich companies. */
  readonly accounts: Client<typeof AccountService>;
  /** Find emails and phone numbers. */
  readonly contacts: Client<typeof ContactService>;
  /** Read, list, cancel and purge jobs. */
  readonly jobs: Client<typeof JobService>;
  /** Find and enrich people. */
  readonly leads: Client<typeof LeadService>;
  /** Lists of companies and people. */
  readonly lists: Client<typeof ListService>;
  /** Ids of places, for filters. */
  readonly locations: Client<typeof LocationService>;
  /** Saved personas. */
  readonly personas: Client<typeof PersonaService>;
  /** Rehearse failure; with `--sandbox` only. */
  readonly sandbox: Client<typeof SandboxService>;
  /** Searches that Pronto keeps. */
  readonly searches: Client<typeof SearchService>;
  /** Buying signals. */
  readonly signals: Client<typeof SignalService>;
  /** What calls cost, budgets, limits. */
  readonly usage: Client<typeof UsageService>;
  /** The Pronto account and its credits. */
  readonly workspace: Client<typeof WorkspaceService>;
  /** What carries the calls: for clients of other services, such as health. */
  readonly transport: Transport;

  /** The events of a job, whatever happens to the connection; see JobStream. */
  follow(job: Followable, options?: FollowOptions): JobStream;
}

/**
 * A client of every service over any transport of Connect's. When `closed` is aborted,
 * what is followed ends with an error that says so.
 */
export function createPronto(transport: Transport, closed?: AbortSignal): Pronto {
  const jobs = createClient(JobService, transport);
  return {
    accounts: createClient(AccountService, transport),
    contacts: createClient(ContactService, transport),
    jobs,
    leads: createClient(LeadService, transport),
    lists: createClient(ListService, transport),
    locations: createClient(LocationService, transport),
    personas: createClient(PersonaService, transport),
    sandbox: createClient(SandboxService, transport),
    searches: createClient(SearchService, transport),
    signals: createClient(SignalService, transport),
    usage: createClient(UsageService, transport),
    workspace: createClient(WorkspaceService, transport),
    transport,
    follow: (job, options = {}) =>
      new JobStream(jobs, jobId(job), followSettings(options), systemClock, closed),
  };
}
