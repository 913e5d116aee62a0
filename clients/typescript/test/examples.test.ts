// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { afterEach, it } from "node:test";

import { connectFromEnvironment } from "../examples/connection.js";
import { formatCsv, parseCsv } from "../examples/csv.js";
import { readTable } from "../examples/table.js";

afterEach(() => {
  delete process.env["PRONTO_ADDRESS"];
  delete process.env["PRONTO_TOKEN_FILE"];
});

it("keeps columns that it does not know, and fills up short rows", () => {
  const { header, rows, cells } = readTable("f", "note,name\nx,Ann\ny\n", ["name"]);
  assert.deepEqual(header, ["note", "name"]);
  assert.deepEqual(rows, [
    ["x", "Ann"],
    ["y", ""],
  ]);
  assert.deepEqual(rows.map(cells), [{ name: "Ann" }, { name: "" }]);
});

it("refuses a table that could not be written afterwards", () => {
  const read = (text: string) => () => readTable("f", text, ["name"]);
  assert.throws(read("name\nAnn\nBen,x\n"), /^Error: f: row 2 has 2 cells, the header 1$/);
  assert.throws(read("note\nx\n"), /f: no column name/);
  assert.throws(read('name\nAnn\nB"en\n'), /f: line 3: a quote is astray/);
  assert.throws(read('name\n"Ann\n'), /f: line 2: a quote is astray/);
});

it("reads what it writes", () => {
  const rows = [
    ["a", 'b"c', "d,e"],
    ["f\ng", "", "h"],
  ];
  assert.deepEqual(parseCsv(formatCsv(rows)), rows);
  assert.deepEqual(parseCsv("a,b\r\n\r\nc"), [["a", "b"], ["c"]]);
});

it("takes an empty variable of the environment as one that is not set", () => {
  Object.assign(process.env, { PRONTO_ADDRESS: "", PRONTO_TOKEN_FILE: "" });
  connectFromEnvironment().close();
});
