// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";

import { Code, ConnectError } from "@connectrpc/connect";

import { headerValue } from "../credentials.js";

/** Reads a token from a file, now and again whenever the file has changed. */
export function tokenFromFile(path: string): () => Promise<string> {
  let token = firstToken(path);
  let version: string | undefined;
  return async () => {
    try {
      const found = await versionOf(path);
      if (found !== version) token = read(path);
      version = found;
    } catch {
      // Who replaces the file may empty or remove it first. Where there is no new token,
      // the server judges the old one.
    }
    return token;
  };
}

function firstToken(path: string): string {
  try {
    return read(path);
  } catch (cause) {
    if (cause instanceof ConnectError) throw cause;
    const message = `token file: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new ConnectError(message, Code.Unauthenticated, undefined, undefined, cause);
  }
}

/** Differs between two contents: a rename brings another inode, a write another time. */
async function versionOf(path: string): Promise<string> {
  const { ino, mtimeNs, size } = await stat(path, { bigint: true });
  return [ino, mtimeNs, size].join(":");
}

function read(path: string): string {
  return headerValue(`token in ${path}`, readFileSync(path, "utf8").trim());
}
