/**
 * The signals by which two virtual transports agree on a link before anything is spent on it. They travel as
 * bytes over whatever path the node gives, an introduction server or the overlay, as those of the real
 * transport do. 10 bytes: a mark, the kind, the dial's number.
 */

export type VirtualSignalKind = 'request' | 'accept' | 'refuse' | 'busy' | 'cancel'

export interface VirtualSignal {
  readonly kind: VirtualSignalKind
  /** Names one dial: 8 random bytes in hexadecimal. Becomes the link's `connectionId`. */
  readonly dialId: string
}

const mark = 0x76
const kinds: readonly VirtualSignalKind[] = ['request', 'accept', 'refuse', 'busy', 'cancel']
const dialIdBytes = 8
const signalBytes = 2 + dialIdBytes

export function encodeSignal({ kind, dialId }: VirtualSignal): Uint8Array {
  const bytes = new Uint8Array(signalBytes)
  bytes[0] = mark
  bytes[1] = kinds.indexOf(kind)
  for (let i = 0; i < dialIdBytes; i++) bytes[2 + i] = Number.parseInt(dialId.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** Undefined for anything that `encodeSignal` does not make. */
export function decodeSignal(bytes: Uint8Array): VirtualSignal | undefined {
  if (bytes.length !== signalBytes || bytes[0] !== mark) return undefined
  const kind = kinds[bytes[1]!]
  return kind && { kind, dialId: dialIdOf(bytes.subarray(2)) }
}

/** The dial's number that these 8 bytes stand for. */
export function dialIdOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
