/** The network's name, which every signature is bound to. */
import { sha256 } from '@noble/hashes/sha2.js'
import { domainPrefix } from './domain.js'
import { WireError } from './errors.js'
import { networkNameBytesMax } from './limits.js'
import { encodeText } from './text.js'
import { concatBytes } from './writer.js'

export const networkHashBytes = 16

/**
 * The first 16 bytes of SHA-256('kadrtc network v1' || name). `name` has 1 to 64 bytes of UTF-8: BAD_VALUE when
 * it is empty or not UTF-8, TOO_LARGE when it is longer.
 */
export function networkHash(name: string): Uint8Array {
  if (name.length === 0) throw new WireError('BAD_VALUE', 'the name of the network is empty')
  if (name.length > networkNameBytesMax) throw new WireError('TOO_LARGE', 'the name of the network')
  const bytes = encodeText(name)
  if (bytes.length > networkNameBytesMax) throw new WireError('TOO_LARGE', 'the name of the network')
  return sha256(concatBytes(domainPrefix('network'), bytes)).slice(0, networkHashBytes)
}
