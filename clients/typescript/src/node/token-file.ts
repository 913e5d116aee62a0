// SPDX-License-Identifier: Apache-2.0

import { stat } from "node:fs/promises";

import { headerValue } from "../credentials.js";
import { OptionFile } from "./option-file.js";

/** Reads a token from a file, now and again whenever the file has changed. */
export function tokenFromFile(path: string): () => Promise<string> {
  const file = new OptionFile("tokenFile", path);
  // Mistakes of the caller are thrown now.
  let token = read(file);
  let version: string | undefined;
  return async () => {
    try {
      const found = await versionOf(path);
      if (found !== version) token = read(file);
      version = found;
    } catch {
      // Who replaces the file may empty or remove it first. Where there is no new token,
      // the server judges the old one.
    }
    return token;
  };
}

/** Differs between two contents: a rename brings another inode, a write another time. */
async function versionOf(path: string): Promise<string> {
  const { ino, mtimeNs, size } = await stat(path, { bigint: true });
  return [ino, mtimeNs, size].join(":");
}

function read(file: OptionFile): string {
  return headerValue(`token in ${file.name}`, file.read().toString().trim());
}
