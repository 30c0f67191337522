/** Every way in which bytes can be wrong, stable across versions. */
export const wireErrorCodes = {
  TRUNCATED: 'The bytes end before the value does.',
  TRAILING: 'Bytes follow the end of the value.',
  UNKNOWN_TYPE: 'The type byte names nothing of this protocol.',
  TOO_LARGE: 'A length or a count is beyond its limit.',
  BAD_VALUE: 'A field holds a value that it may not hold.',
  OUT_OF_PLACE: 'A frame that cannot come here: a fragment of no message, or a second start of one.',
} as const

export type WireErrorCode = keyof typeof wireErrorCodes

/**
 * The one error of this package. Decoders throw it for bytes that no honest peer sends; encoders throw it
 * (TOO_LARGE, BAD_VALUE) for values that cannot be said. `code` is stable; `message` is for people.
 */
export class WireError extends Error {
  override readonly name = 'WireError'

  constructor(
    readonly code: WireErrorCode,
    detail?: string,
  ) {
    super(detail ? `${wireErrorCodes[code]} (${detail})` : wireErrorCodes[code])
  }
}
