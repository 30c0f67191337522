/**
 * Identifiers: 160 bits, big-endian bytes, as in the Kademlia paper (section 2) and BitTorrent (BEP 5).
 * Nodes and keys share one space. An `Id` is made once, at the edge (`idFromBytes`, `asId`, the hashes below);
 * behind it the type is the proof that there are 20 bytes. Ids are shared freely: never write into one.
 */
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { base32Decode, base32Encode } from './base32.js'

declare const brand: unique symbol

/** 20 bytes, big-endian, never written to. */
export type Id = Uint8Array & { readonly [brand]: 'Id' }

export const idBytes = 20
export const idBits = 160

/** Length of a content id in bytes (SHA-256). */
export const contentIdBytes = 32

/** A copy of `bytes` as an id. Throws RangeError unless there are exactly 20. */
export function idFromBytes(bytes: Uint8Array): Id {
  return Uint8Array.from(asId(bytes)) as Id
}

/** `bytes` itself as an id, for decoders that own what they decoded. Throws RangeError unless there are exactly 20. */
export function asId(bytes: Uint8Array): Id {
  if (bytes.length !== idBytes) throw new RangeError(`An id has ${idBytes} bytes, not ${bytes.length}`)
  return bytes as Id
}

/** Reads 40 hexadecimal digits of either case. Throws RangeError for anything else. */
export function idFromHex(hex: string): Id {
  if (!/^[0-9a-f]{40}$/i.test(hex)) throw new RangeError(`An id has ${2 * idBytes} hexadecimal digits`)
  return hexToBytes(hex) as Uint8Array as Id
}

/** 40 lower-case hexadecimal digits. */
export function idToHex(id: Id): string {
  return bytesToHex(id)
}

/** A key for a Map or Set: 20 characters, one a byte (Latin-1). Equal exactly when the ids are equal. */
export function idKey(id: Id): string {
  // Spelt out: twice as fast as `apply`, and lookups, tables and stores do this for every id they meet.
  // biome-ignore format: ten a row
  return String.fromCharCode(
    id[0]!, id[1]!, id[2]!, id[3]!, id[4]!, id[5]!, id[6]!, id[7]!, id[8]!, id[9]!,
    id[10]!, id[11]!, id[12]!, id[13]!, id[14]!, id[15]!, id[16]!, id[17]!, id[18]!, id[19]!,
  )
}

/** The id that `idKey` made `key` of. Throws RangeError for any other string. */
export function idFromKey(key: string): Id {
  if (key.length !== idBytes) throw new RangeError(`An id's key has ${idBytes} characters, not ${key.length}`)
  const bytes = new Uint8Array(idBytes)
  for (let i = 0; i < idBytes; i++) {
    const code = key.charCodeAt(i)
    if (code > 0xff) throw new RangeError("An id's key holds characters up to U+00FF only")
    bytes[i] = code
  }
  return bytes as Id
}

/**
 * Compares contents, not objects. Not constant-time: ids are public. From the last byte on, since those who are compared
 * often share their first bits.
 */
export function equalIds(a: Id, b: Id): boolean {
  if (a === b) return true
  for (let i = idBytes - 1; i >= 0; i--) if (a[i] !== b[i]) return false
  return true
}

/** SHA-1 of a public key: nobody picks a node id without finding a key for it. */
export function nodeIdOf(publicKey: Uint8Array): Id {
  return asId(sha1(publicKey))
}

/** SHA-1 of the key's bytes; a string stands for its UTF-8 bytes, a lone surrogate in it for U+FFFD. */
export function keyIdOf(key: string | Uint8Array): Id {
  return asId(sha1(typeof key === 'string' ? utf8ToBytes(key) : key))
}

/** SHA-256 of the value, 32 bytes: what proves content. */
export function contentIdOf(value: Uint8Array): Uint8Array {
  return sha256(value)
}

/** Where content is stored: SHA-1 of its content id. It routes only, and proves nothing. */
export function keyIdOfContent(contentId: Uint8Array): Id {
  return asId(sha1(contentId))
}

/** A content id for people: 52 characters of RFC 4648 base32, lower case, unpadded. */
export function contentIdToText(contentId: Uint8Array): string {
  return base32Encode(contentId)
}

/** The 32 bytes that `contentIdToText` showed, in either case; undefined when `text` is no content id. */
export function contentIdFromText(text: string): Uint8Array | undefined {
  return base32Decode(text, contentIdBytes)
}
