// SPDX-License-Identifier: Apache-2.0

// The example page, used as somebody would: search, cut the connection, resume.
import type { Page } from "playwright-core";

import { expect, expectEqual } from "../expect.js";

const people = 60;

/** Plays the page that `origin` serves, against `server`, and checks what it shows. */
export async function examplePage(page: Page, origin: string, server: string): Promise<void> {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(`${origin}/index.html?server=${encodeURIComponent(server)}`);
  await page.fill("[name=limit]", String(people));
  await page.click("form button:not([type])");
  await page.waitForSelector("li");
  await page.click("#cut");
  await page.waitForSelector("text=/^Cut behind event \\d+/");
  const before = await page.locator("li").allTextContents();
  expect(before.length < people, "the cut came too late to prove anything");
  await page.click("#cut");
  await page.waitForSelector(`text=/^COMPLETE: ${String(people)} people$/`);
  const rows = await page.locator("li").allTextContents();
  expectEqual(rows.length, people, "rows");
  expectEqual(rows.slice(0, before.length), before, "rows before the cut");
  expectEqual(await page.locator("li.cut").count(), 1, "cuts shown");
  expectEqual(await page.locator("#cut").isDisabled(), true, "button disabled at the end");
  expectEqual(faults, [], "errors of the page");
}
