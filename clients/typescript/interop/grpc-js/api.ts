// SPDX-License-Identifier: Apache-2.0

// The services as grpc-js and proto-loader make them at run time from .proto files, in
// the ordinary way: without our library, and without types.
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** A message, or a part of one. */
export type Fields = Record<string, unknown>;

/** A client of any service. */
export type AnyClient = grpc.Client &
  Record<string, (request: Fields, ...rest: unknown[]) => grpc.ClientReadableStream<Fields>>;

type AnyConstructor = new (
  address: string,
  credentials: grpc.ChannelCredentials,
  options: grpc.ChannelOptions,
) => AnyClient;

const root = packageRoot(dirname(fileURLToPath(import.meta.url)));
const protos = join(root, "..", "..", "proto");
const loaded = {
  // Every file, so that all of them stay loadable.
  ...load(protos, filesIn("pronto/v1")),
  ...load(join(root, "node_modules/grpc-health-check/proto"), ["health/v1/health.proto"]),
  ...load(join(root, "node_modules/@grpc/reflection/build/proto"), [
    "grpc/reflection/v1/reflection.proto",
  ]),
};

function filesIn(folder: string): string[] {
  return readdirSync(join(protos, folder)).map((name) => join(folder, name));
}

function load(folder: string, files: string[]) {
  return loadSync(files, {
    includeDirs: [folder],
    keepCase: true,
    longs: String,
    enums: String,
    oneofs: true,
  });
}

/** A client of a service, by its full name. */
export function clientOf(
  service: string,
  address: string,
  credentials = grpc.credentials.createInsecure(),
  channel: grpc.ChannelOptions = {},
): AnyClient {
  const definition = loaded[service];
  if (!definition || "format" in definition) throw new Error(`no service ${service}`);
  const constructor = grpc.makeClientConstructor(definition, service);
  const limits = { "grpc.max_receive_message_length": 64 * 1024 * 1024 };
  return new (constructor as unknown as AnyConstructor)(address, credentials, {
    ...limits,
    ...channel,
  });
}

/** A unary call, with the headers of its answer. */
export function call(
  client: AnyClient,
  method: string,
  request: Fields,
  metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): Promise<{ answer: Fields; headers: grpc.Metadata }> {
  return new Promise((resolve, reject) => {
    let headers = new grpc.Metadata();
    const done = (error: grpc.ServiceError | null, answer: Fields) => {
      if (error) reject(error);
      else resolve({ answer, headers });
    };
    client[method]?.(request, metadata, options, done).on("metadata", (received: grpc.Metadata) => {
      headers = received;
    });
  });
}

/** A stream. `for await` over it throws the error that ends it. */
export function stream(
  client: AnyClient,
  method: string,
  request: Fields,
  options: grpc.CallOptions = {},
): grpc.ClientReadableStream<Fields> {
  const begin = client[method];
  if (!begin) throw new Error(`no method ${method}`);
  return begin.call(client, request, new grpc.Metadata(), options);
}

function packageRoot(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : packageRoot(dirname(folder));
}
