// SPDX-License-Identifier: Apache-2.0

// Scenarios of the library in a browser: `main SCENARIO [ARGUMENT...]`; `page` plays the
// example. The browser is CHROMIUM, by default /usr/bin/chromium.
import { writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { type BrowserContext, chromium } from "playwright-core";

import type { PageSetting, Report } from "./contract.js";
import { stay } from "../stay.js";
import { examplePage } from "./example.js";
import { serveFolder } from "./static-server.js";

const [scenario = "", ...args] = process.argv.slice(2);
const bundle = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "browser");
const idle = process.env["FOLLOW_IDLE_SECONDS"];
const setting: PageSetting = {
  scenario,
  baseUrl: `http://${process.env["PRONTO_ADDRESS"] ?? "localhost:50051"}`,
  args,
  env: idle === undefined ? {} : { FOLLOW_IDLE_SECONDS: idle },
};

const profile = await mkdtemp(join(tmpdir(), "pronto-grpc-browser-"));
const server = await serveFolder(bundle);
const browser = await launch(profile);
try {
  if (scenario === "page") await examplePage(await browser.newPage(), server.url, setting.baseUrl);
  else process.exitCode = await runPage(browser);
} finally {
  await browser.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}

function launch(userDataDir: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(userDataDir, {
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens the page, prints its lines as they come, and returns the exit code. */
async function runPage(context: BrowserContext): Promise<number> {
  const page = await context.newPage();
  const ended = new Promise<number>((resolve) => {
    page.on("pageerror", (error) => {
      console.error(error);
      resolve(1);
    });
    const hear = (report: Report) => {
      if ("line" in report) return void writeSync(1, `${report.line}\n`);
      if (!report.passed) console.error(report.error);
      resolve(report.passed ? 0 : 1);
    };
    void page
      .exposeFunction("report", hear)
      .then(() => page.exposeFunction("stay", stay))
      .then(() =>
        page.addInitScript((value) => Object.assign(globalThis, { setting: value }), setting),
      )
      .then(() => page.goto(`${server.url}/interop.html`));
  });
  return ended;
}
