/** What went wrong, as the page shows it: a code that can be looked up, and a sentence. */
export interface Failure {
  readonly code: string
  readonly message: string
}

/** Whatever was thrown. A KadrtcError is known by its code, so that this asks nothing of the library. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'UNEXPECTED', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'UNEXPECTED'
  return { code, message: error.message || error.name }
}
