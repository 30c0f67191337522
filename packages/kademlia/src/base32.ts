/**
 * Base32 as in RFC 4648 section 6, lower case and unpadded: how a content id is shown to people.
 * It survives being read aloud, typed, and put into a host name or a URL.
 */

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** Lower-case, unpadded base32. */
export function base32Encode(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let pending = 0
  for (const byte of bytes) {
    pending = (pending << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(pending >>> bits) & 31]
    }
    pending &= (1 << bits) - 1
  }
  return bits > 0 ? text + alphabet[(pending << (5 - bits)) & 31] : text
}

/**
 * The `length` bytes that `text` stands for. Upper case is read too. Undefined for text of another length,
 * with foreign characters, or whose unused last bits are not zero: so two texts never mean the same bytes
 * unless they differ in case alone.
 */
export function base32Decode(text: string, length: number): Uint8Array | undefined {
  if (text.length !== Math.ceil((length * 8) / 5)) return undefined
  const bytes = new Uint8Array(length)
  let at = 0
  let bits = 0
  let pending = 0
  for (let i = 0; i < text.length; i++) {
    const digit = digitOf(text.charCodeAt(i))
    if (digit < 0) return undefined
    pending = (pending << 5) | digit
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = pending >>> bits
      pending &= (1 << bits) - 1
    }
  }
  return pending === 0 ? bytes : undefined
}

function digitOf(charCode: number): number {
  if (charCode >= 0x61 && charCode <= 0x7a) return charCode - 0x61
  if (charCode >= 0x41 && charCode <= 0x5a) return charCode - 0x41
  if (charCode >= 0x32 && charCode <= 0x37) return charCode - 0x32 + 26
  return -1
}
