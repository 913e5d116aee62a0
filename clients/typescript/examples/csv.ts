// SPDX-License-Identifier: Apache-2.0

/** Reads CSV (RFC 4180): fields may be quoted, and then hold commas and lines. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let read = 0;
  for (const { 0: all, 1: quoted, 2: bare, 3: end, index } of text.matchAll(cell)) {
    if (index !== read) break;
    read += all.length;
    row.push(quoted?.replaceAll('""', '"') ?? bare ?? "");
    if (end === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  if (read < text.length)
    throw new Error(`line ${String(text.slice(0, read).split("\n").length)}: a quote is astray`);
  return rows;
}

// A quoted or a bare field, and what ends it.
const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g;

/** Writes CSV; quotes what needs it. */
export function formatCsv(rows: readonly (readonly string[])[]): string {
  const quote = (text: string) =>
    /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return rows.map((row) => `${row.map(quote).join(",")}\n`).join("");
}
