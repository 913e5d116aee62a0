// SPDX-License-Identifier: Apache-2.0

import { X509Certificate } from "node:crypto";

const begin = "-----BEGIN";
const block = /^-----BEGIN ([A-Z0-9 ]+)-----[^\S\n]*\n[^]*?^-----END \1-----[^\S\n]*$/gm;

/**
 * Reads certificates (PEM), of which there must be one, and each must be whole. Node itself
 * takes those before a tear, and trusts nobody where there are none.
 */
export function certificates(name: string, pem: Uint8Array): string {
  const text = new TextDecoder().decode(pem);
  const found = [...text.matchAll(block)].filter(([, label]) => label?.endsWith("CERTIFICATE"));
  if (isTorn(text.replaceAll(block, ""))) throw new TypeError(`${name}: a PEM block is torn`);
  if (found.length === 0) throw new TypeError(`${name}: no certificate (PEM) is in it`);
  for (const [certificate] of found) check(name, certificate);
  return text;
}

/** Whether what is beside the blocks has the beginning of one, or of its first line. */
function isTorn(rest: string): boolean {
  const last = rest.slice(rest.lastIndexOf("\n") + 1);
  return rest.includes(begin) || (last !== "" && begin.startsWith(last));
}

function check(name: string, certificate: string): void {
  try {
    new X509Certificate(certificate);
  } catch (cause) {
    throw new TypeError(`${name}: a certificate (PEM) cannot be read`, { cause });
  }
}
