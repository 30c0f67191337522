/**
 * Strict UTF-8. TextEncoder and TextDecoder are the only names this package takes from its surroundings: they
 * are pure, and every browser and Node has them.
 */
import { WireError } from './errors.js'

declare class TextEncoder {
  encode(text: string): Uint8Array
}

declare class TextDecoder {
  constructor(label: string, options: { fatal: boolean; ignoreBOM: boolean })
  decode(bytes: Uint8Array): string
}

/** UTF-8 of `text`. A lone surrogate has none and is BAD_VALUE: it would come back as another text. */
export function encodeText(text: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text)) throw new WireError('BAD_VALUE', 'text with a lone surrogate')
  return new TextEncoder().encode(text)
}

/** The text of `bytes`, a leading byte order mark included; BAD_VALUE when they are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new WireError('BAD_VALUE', 'text is not UTF-8')
  }
}
