// SPDX-License-Identifier: Apache-2.0

// Scenarios of grpc-js without our library: `main SCENARIO`.
import * as scenarios from "./scenarios.js";

const name = process.argv[2] ?? "";
const scenario = (scenarios as Record<string, (() => Promise<void>) | undefined>)[name];
if (!scenario) throw new Error(`no scenario ${JSON.stringify(name)}`);
await scenario();
// Channels that are open keep the process alive.
process.exit();
