// SPDX-License-Identifier: Apache-2.0

// Bundles the pages: the example and the interop scenarios.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(root, "build", "browser");

mkdirSync(output, { recursive: true });
for (const page of [
  "examples/browser/index.html",
  "examples/browser/style.css",
  "interop/browser/interop.html",
]) {
  copyFileSync(join(root, page), join(output, page.slice(page.lastIndexOf("/") + 1)));
}
await build({
  absWorkingDir: root,
  entryPoints: {
    search: "build/examples/browser/search.js",
    interop: "build/interop/browser/page.js",
  },
  outdir: output,
  bundle: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  sourcemap: true,
  logLevel: "warning",
});
