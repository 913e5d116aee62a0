// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

import type { OptionFile } from "./option-file.js";

/** Reads the key of a certificate. Node would refuse another one without saying which file. */
export function privateKey(file: OptionFile, certificate: OptionFile, chain: string): Buffer {
  const pem = file.read();
  if (!new X509Certificate(chain).checkPrivateKey(parsed(file.name, pem)))
    throw new TypeError(`${file.name} is not the key of ${certificate.name}`);
  return pem;
}

function parsed(name: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new TypeError(`${name}: no key (PEM, not encrypted) is in it`, { cause });
  }
}
