/**
 * What a port suite is made of. A suite is a list of cases that know no test framework, so the same
 * cases run under vitest and in the page of a real browser:
 *
 *     for (const { name, run } of recordStoreSuite(open)) test(name, run)
 */

/** One thing that every implementation of a port must do. `run` rejects, saying what went wrong, if it does not. */
export interface SuiteCase {
  /** A sentence, unique within its suite. */
  readonly name: string
  run(): Promise<void>
}

/** Fails the case with `message` unless `holds`. */
export function expectThat(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message)
}

/** Fails the case unless both hold the same bytes; `undefined` stands for nothing there. */
export function expectBytes(
  actual: Uint8Array | undefined,
  expected: Uint8Array | undefined,
  what: string,
): void {
  expectThat(
    showBytes(actual) === showBytes(expected),
    `${what}: expected ${showBytes(expected)}, got ${showBytes(actual)}`,
  )
}

/** Fails the case unless `promise` rejects; gives what it rejected with. */
export async function expectRejection(promise: Promise<unknown>, what: string): Promise<unknown> {
  let outcome: unknown
  try {
    outcome = await promise
  } catch (error) {
    return error
  }
  throw new Error(`${what}: expected a rejection, got ${String(outcome)}`)
}

function showBytes(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'nothing' : `[${Array.from(bytes).join(' ')}]`
}
