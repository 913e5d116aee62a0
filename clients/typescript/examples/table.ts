// SPDX-License-Identifier: Apache-2.0

import { parseCsv } from "./csv.js";

/** A table with at least the columns `C`. */
export interface Table<C extends string> {
  /** All columns, in the order of the file. */
  readonly header: readonly string[];
  /** The rows, each as long as the header. */
  readonly rows: readonly (readonly string[])[];
  /** What a row has in the columns `C`. */
  readonly cells: (row: readonly string[]) => Record<C, string>;
}

/**
 * Reads CSV with a header. The whole table is checked, so that nothing is paid for one that
 * cannot be written afterwards. A row that is too short is filled up.
 */
export function readTable<C extends string>(
  file: string,
  text: string,
  columns: readonly C[],
): Table<C> {
  const [header = [], ...short] = parse(file, text);
  const missing = columns.filter((column) => !header.includes(column));
  if (missing.length > 0) throw new Error(`${file}: no column ${missing.join(", ")}`);
  for (const [index, { length }] of short.entries())
    if (length > header.length)
      throw new Error(
        `${file}: row ${String(index + 1)} has ${String(length)} cells, ` +
          `the header ${String(header.length)}`,
      );
  const rows = short.map((row) => header.map((_, index) => row[index] ?? ""));
  const cells = (row: readonly string[]) =>
    Object.fromEntries(
      columns.map((column) => [column, row[header.indexOf(column)] ?? ""]),
    ) as Record<C, string>;
  return { header, rows, cells };
}

function parse(file: string, text: string): string[][] {
  try {
    return parseCsv(text);
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
