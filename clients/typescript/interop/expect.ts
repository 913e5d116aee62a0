// SPDX-License-Identifier: Apache-2.0

/** Throws unless `condition` holds. */
export function expect(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws unless both are the same. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [actual, expected].map((value) =>
    JSON.stringify(value, (_, v: unknown) => (typeof v === "bigint" ? Number(v) : v)),
  );
  expect(got === wanted, `${what}: expected ${String(wanted)}, got ${String(got)}`);
}

/** What a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a failure, and the call succeeded");
}
