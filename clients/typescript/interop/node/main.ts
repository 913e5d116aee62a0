// SPDX-License-Identifier: Apache-2.0

// Scenarios of the library in Node: `main SCENARIO [ARGUMENT...]`.
import { connect, type ConnectOptions, type NodePronto } from "pronto-grpc";

import * as calls from "../calls.js";
import type { Scenario, Setting } from "../setting.js";
import { stay } from "../stay.js";
import * as streams from "../streams.js";
import * as node from "./scenarios.js";

const examples = ["search", "enrich", "refusals"];
const scenarios: Record<string, Scenario> = {
  unary: calls.unary,
  metadata: calls.metadata,
  large: calls.large,
  errors: calls.errors,
  streaming: streams.streaming,
  deadline: streams.deadline,
  cancellation: streams.cancellation,
  follow: streams.follow,
  compression: node.compression,
  health: node.health,
  reflection: node.reflection,
  unix: node.unix,
  tls: node.tls,
  retry: node.retry,
};

const clients: NodePronto[] = [];

const setting: Setting = {
  connect(options?: ConnectOptions) {
    const target = process.env["PRONTO_ADDRESS"] ?? "localhost:50051";
    const client = connect({ target, ...options });
    clients.push(client);
    return client;
  },
  say: console.log,
  stay,
  args: process.argv.slice(3),
  env: process.env,
};

const name = process.argv[2] ?? "";
if (examples.includes(name)) {
  process.argv.splice(2, 1);
  await import(`../../examples/${name}.js`);
} else {
  const scenario = scenarios[name];
  if (!scenario) throw new Error(`no scenario ${JSON.stringify(name)}`);
  await scenario(setting);
}
for (const client of clients) client.close();
