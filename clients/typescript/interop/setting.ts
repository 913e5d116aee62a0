// SPDX-License-Identifier: Apache-2.0

// Scenarios for both take the types and errors of the entry point that a browser can load;
// they are the same in both.
import type { Pronto } from "pronto-grpc/web";

/** What a scenario has to work with, in Node and in a browser. */
export interface Setting {
  /** A new client of the plain address, with these options besides. */
  readonly connect: (options?: { apiKey?: string }) => Pronto;
  /** Prints a line. */
  readonly say: (line: string) => void;
  /** Returns when the caller has looked at the server. */
  readonly stay: () => Promise<void>;
  /** The arguments behind the scenario's name. */
  args: readonly string[];
  /** The environment. */
  env: Readonly<Record<string, string | undefined>>;
}

/** Returns when it passed, throws when it failed. */
export type Scenario = (setting: Setting) => Promise<void>;
