// SPDX-License-Identifier: Apache-2.0

// Generates TypeScript from .proto files: the API's from this repository, those of
// error details, health and reflection from npm packages that carry them. Files are
// laid out first as buf wants them: one folder, in which imports are paths.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packages = join(root, "node_modules");
const repository = join(root, "..", "..", "proto");

/** Runs buf over files (`import path` to `where it is`) and writes what they declare. */
function generate(name, files, output) {
  const staged = join(root, "build", "proto", name);
  rmSync(staged, { recursive: true, force: true });
  rmSync(output, { recursive: true, force: true });
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(staged, path)), { recursive: true });
    cpSync(source, join(staged, path), { recursive: true });
  }
  const template = {
    version: "v2",
    plugins: [
      {
        local: join(packages, ".bin", "protoc-gen-es"),
        out: output,
        opt: ["target=ts", "import_extension=js"],
      },
    ],
  };
  buf("generate", staged, "--template", JSON.stringify(template));
  // For grpc-js: the parser of its proto-loader does not know every form of options.
  buf("build", staged, "--output", join(root, "build", `${name}.binpb`));
}

function buf(...command) {
  execFileSync(join(packages, ".bin", "buf"), command, { stdio: "inherit" });
}

if (!existsSync(repository)) {
  throw new Error(`${repository} is missing: build in a checkout of the whole repository`);
}
const rpc = join(packages, "google-proto-files", "google", "rpc");
generate(
  "api",
  {
    pronto: join(repository, "pronto"),
    "google/rpc/error_details.proto": join(rpc, "error_details.proto"),
  },
  join(root, "src", "gen"),
);
generate(
  "interop",
  {
    "google/rpc/error_details.proto": join(rpc, "error_details.proto"),
    "google/rpc/status.proto": join(rpc, "status.proto"),
    "grpc/health/v1/health.proto": join(packages, "grpc-health-check/proto/health/v1/health.proto"),
    "grpc/reflection/v1/reflection.proto": join(
      packages,
      "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
    ),
  },
  join(root, "interop", "gen"),
);
