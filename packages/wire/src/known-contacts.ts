/**
 * What a requester says it knows, so that it is not told again: two bytes of each contact's id. Which two, each request
 * draws anew: a contact whose two bytes are those of another is passed over once, and not by everybody.
 */
import { type Id, idBytes } from '@kadrtc/kademlia'
import { WireError } from './errors.js'
import { knownContactsMax } from './limits.js'
import type { Reader } from './reader.js'
import type { Writer } from './writer.js'

export interface KnownContacts {
  /** First of the two bytes, from `tagOffsetLeast` to `tagOffsetMost`. */
  readonly offset: number
  /** Two bytes for each contact. */
  readonly tags: Uint8Array
}

/** Ids that are near each other share their first bytes. */
export const tagOffsetLeast = 4
export const tagOffsetMost = idBytes - 2

/** `turn`, any whole number, says which two bytes are taken. Ids beyond `knownContactsMax` are left out. */
export function knownContacts(ids: readonly Id[], turn: number): KnownContacts {
  const offset = tagOffsetLeast + (Math.abs(turn) % (tagOffsetMost - tagOffsetLeast + 1))
  const count = Math.min(ids.length, knownContactsMax)
  const tags = new Uint8Array(2 * count)
  for (let i = 0; i < count; i++) {
    tags[2 * i] = ids[i]![offset]!
    tags[2 * i + 1] = ids[i]![offset + 1]!
  }
  return { offset, tags }
}

/** True for every contact that was named, and for one in some thousands that was not. */
export function isKnownContact({ offset, tags }: KnownContacts, id: Id): boolean {
  for (let i = 0; i < tags.length; i += 2) {
    if (tags[i] === id[offset] && tags[i + 1] === id[offset + 1]) return true
  }
  return false
}

/** At the end of a message. */
export function writeKnownContacts(writer: Writer, known: KnownContacts): void {
  check(known)
  writer.u8(known.offset)
  writer.bytes(known.tags)
}

export function readKnownContacts(reader: Reader): KnownContacts {
  const known = { offset: reader.u8(), tags: reader.rest(2 * knownContactsMax) }
  check(known)
  return known
}

function check({ offset, tags }: KnownContacts): void {
  if (offset < tagOffsetLeast || offset > tagOffsetMost) throw new WireError('BAD_VALUE', `offset ${offset}`)
  if (tags.length > 2 * knownContactsMax) throw new WireError('TOO_LARGE', `${tags.length} bytes of tags`)
  if (tags.length === 0 || tags.length % 2 !== 0) throw new WireError('BAD_VALUE', 'a tag has two bytes')
}
