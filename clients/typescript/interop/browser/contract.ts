// SPDX-License-Identifier: Apache-2.0

/** What the page is told. */
export interface PageSetting {
  scenario: string;
  baseUrl: string;
  args: string[];
  env: Record<string, string>;
}

/** What the page tells: a line, or the end. */
export type Report = { line: string } | { passed: true } | { passed: false; error: string };
