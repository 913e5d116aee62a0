// SPDX-License-Identifier: Apache-2.0

// Runs a scenario in a page. The program that opened it provides
// `setting`, `report` and `stay`.
import { connect } from "pronto-grpc/web";

import * as calls from "../calls.js";
import type { Scenario } from "../setting.js";
import * as streams from "../streams.js";
import type { PageSetting, Report } from "./contract.js";

declare global {
  var setting: PageSetting;
  var report: (report: Report) => Promise<void>;
  var stay: () => Promise<void>;
}

const scenarios: Record<string, Scenario> = {
  unary: calls.unary,
  metadata: calls.metadata,
  large: calls.large,
  errors: calls.errors,
  health: calls.health,
  streaming: streams.streaming,
  deadline: streams.deadline,
  cancellation: streams.cancellation,
  follow: streams.follow,
};

const { scenario: name, baseUrl, args, env } = globalThis.setting;
// Reports are sent one after the other, so that the last one comes last.
let sent = Promise.resolve();
const report = (what: Report) => {
  sent = sent.then(() => globalThis.report(what));
};

try {
  const scenario = scenarios[name];
  if (!scenario) throw new Error(`no scenario ${JSON.stringify(name)}`);
  await scenario({
    connect: (options) => connect({ baseUrl, ...options }),
    say: (line) => {
      report({ line });
    },
    stay: () => globalThis.stay(),
    args,
    env,
  });
  report({ passed: true });
} catch (error) {
  report({ passed: false, error: error instanceof Error ? String(error.stack) : String(error) });
}
