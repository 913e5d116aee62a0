// SPDX-License-Identifier: Apache-2.0

import * as nodeTls from "node:tls";

import { certificates } from "./certificates.js";
import { OptionFile } from "./option-file.js";
import { privateKey } from "./private-key.js";

/** Whom to trust, and who we are. Files are read for each connection, so they may be renewed. */
export interface TlsOptions {
  /** Certificates (PEM) to trust instead of the system's roots. */
  ca?: string | Uint8Array;
  /** A file with them. */
  caFile?: string;
  /** A file with the client's certificate (PEM). */
  certificateFile?: string;
  /** A file with its key (PEM). */
  keyFile?: string;
}

/**
 * What a connection is encrypted with: files as they are when it is made. While these are
 * of no use, as in the middle of a renewal, what they had last.
 */
export function secureContexts(tls: TlsOptions): () => nodeTls.SecureContext {
  // Mistakes of the caller are thrown now.
  let last = secureContext(tls);
  return () => {
    try {
      last = secureContext(tls);
    } catch {
      // Whether the last ones still count is for the server to say.
    }
    return last;
  };
}

function secureContext(tls: TlsOptions): nodeTls.SecureContext {
  if (tls.ca !== undefined && tls.caFile !== undefined)
    throw new TypeError("tls.ca and tls.caFile are both set: use one");
  if ((tls.certificateFile === undefined) !== (tls.keyFile === undefined))
    throw new TypeError("tls.certificateFile and tls.keyFile belong together: set both");
  return nodeTls.createSecureContext({ ...trust(tls), ...identity(tls) });
}

function trust({ ca, caFile }: TlsOptions): { ca?: string | string[] } {
  if (ca !== undefined) return { ca: certificates("tls.ca", Buffer.from(ca)) };
  if (caFile === undefined) return systemRoots();
  const file = new OptionFile("tls.caFile", caFile);
  return { ca: certificates(file.name, file.read()) };
}

function identity({ certificateFile, keyFile }: TlsOptions): { cert?: string; key?: Buffer } {
  if (certificateFile === undefined || keyFile === undefined) return {};
  const certificate = new OptionFile("tls.certificateFile", certificateFile);
  const cert = certificates(certificate.name, certificate.read());
  return { cert, key: privateKey(new OptionFile("tls.keyFile", keyFile), certificate, cert) };
}

/** What of `node:tls` knows the system's roots; there since Node 22.15. */
interface RootStore {
  getCACertificates?: (type: "default" | "system") => string[];
}

/**
 * Trust in the system's roots, besides those that Node trusts anyway: its own, and
 * NODE_EXTRA_CA_CERTS. Empty where Node cannot tell them.
 */
export function systemRoots(store: object = nodeTls): { ca?: string[] } {
  const { getCACertificates } = store as RootStore;
  if (!getCACertificates) return {};
  return { ca: [...new Set([...getCACertificates("default"), ...getCACertificates("system")])] };
}
