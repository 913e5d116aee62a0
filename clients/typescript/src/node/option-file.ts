// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

/** A file that an option names: what errors call it, and its bytes. */
export class OptionFile {
  /** The option and the path. */
  readonly name: string;

  constructor(
    option: string,
    readonly path: string,
  ) {
    this.name = `${option} ${JSON.stringify(path)}`;
  }

  /** What it holds now; where it cannot be read, a TypeError that says which option is wrong. */
  read(): Buffer {
    try {
      return readFileSync(this.path);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TypeError(`${this.name} cannot be read: ${why}`, { cause });
    }
  }
}
