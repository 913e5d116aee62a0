// SPDX-License-Identifier: Apache-2.0

import { readFile, stat } from "node:fs/promises";

import { Code, ConnectError } from "@connectrpc/connect";

/** Reads a token from a file, again whenever the file has changed. */
export function tokenFromFile(path: string): () => Promise<string> {
  let known: { version: string; token: string } | undefined;
  return async () => {
    try {
      const version = await versionOf(path);
      if (known?.version !== version) known = { version, token: await read(path) };
      return known.token;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new ConnectError(
        `token file: ${message}`,
        Code.Unauthenticated,
        undefined,
        undefined,
        cause,
      );
    }
  };
}

/** Differs between two contents: a rename brings another inode, a write another time. */
async function versionOf(path: string): Promise<string> {
  const { ino, mtimeNs, size } = await stat(path, { bigint: true });
  return [ino, mtimeNs, size].join(":");
}

async function read(path: string): Promise<string> {
  const token = (await readFile(path, "utf8")).trim();
  if (token === "") throw new Error(`${path} is empty`);
  return token;
}
