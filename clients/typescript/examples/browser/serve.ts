// SPDX-License-Identifier: Apache-2.0

// Serves the page: `serve [PORT]`.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { serveFolder } from "../../interop/browser/static-server.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "browser");
const { url } = await serveFolder(folder, Number(process.argv[2] ?? "8000"));
console.log(`${url}/index.html`);
