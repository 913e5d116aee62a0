// SPDX-License-Identifier: Apache-2.0

// A certificate that vouches for itself. Node reads certificates but makes none, and
// fixed ones would expire.
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Who shows the certificate, in PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** The files of an identity that may be renewed. */
export interface IdentityFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Puts an identity into a folder, in the place of one that is there. */
export function store(folder: string, { certificate, key }: Identity): IdentityFiles {
  const files = { certificateFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  replace(files.certificateFile, certificate);
  replace(files.keyFile, key);
  return files;
}

/** Replaces a file at once. */
export function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Makes a certificate for `localhost`, with a name of its own. */
export function identity(name: string): Identity {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = sequence(der(set, sequence(commonName, der(utf8, Buffer.from(name)))));
  const version3 = der(context(0), der(integer, [2]));
  const day = 24 * 3600 * 1000;
  const validity = sequence(utc(Date.now() - day), utc(Date.now() + day));
  const names = sequence(der(0x82, Buffer.from("localhost")));
  const extensions = sequence(
    sequence(subjectAltName, der(octets, names)),
    sequence(basicConstraints, der(octets, sequence(der(boolean, [0xff])))),
  );
  const content = sequence(
    version3,
    der(integer, [1, ...randomBytes(8)]),
    sequence(ecdsaWithSha256),
    subject,
    validity,
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    der(context(3), extensions),
  );
  const signature = der(bits, [0], sign("sha256", content, privateKey));
  return {
    certificate: pem(sequence(content, sequence(ecdsaWithSha256), signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

const [boolean, integer, bits, octets, utf8, utcTime, set] = [1, 2, 3, 4, 12, 23, 0x31];
const context = (number: number) => 0xa0 + number;

const commonName = oid(0x55, 4, 3);
const subjectAltName = oid(0x55, 0x1d, 0x11);
const basicConstraints = oid(0x55, 0x1d, 0x13);
const ecdsaWithSha256 = oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2);

function oid(...bytes: number[]): Buffer {
  return der(6, bytes);
}

function sequence(...content: Uint8Array[]): Buffer {
  return der(0x30, ...content);
}

function utc(time: number): Buffer {
  const digits = new Date(time).toISOString().replace(/\D/g, "").slice(2, 14);
  return der(utcTime, Buffer.from(`${digits}Z`));
}

/** A value of DER of less than 64 KiB. */
function der(tag: number, ...content: (Uint8Array | number[])[]): Buffer {
  const body = Buffer.concat(content.map((part) => Buffer.from(part)));
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function pem(content: Buffer): string {
  const lines = content.toString("base64").replace(/.{64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
