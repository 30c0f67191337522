/** Records with true signatures, for tests that hand them to a shelf or to a peer directly. */
import {
  type ContentRecord,
  contentIdOf,
  type Id,
  keyIdOf,
  keyIdOfContent,
  type SignedRecord,
} from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { networkHash, recordSigningBytes } from '@kadrtc/wire'

export function author(name: string): StubIdentity {
  return StubIdentity.random(new SeededRandom(`author ${name}`))
}

export interface RecordFields {
  readonly key?: string
  readonly keyId?: Id
  readonly by?: StubIdentity
  readonly seq?: number
  readonly expiresAtMs: number
  readonly value?: Uint8Array
  readonly deleted?: boolean
  readonly network?: string
}

export function signed(fields: RecordFields): SignedRecord {
  const { by = author('anna'), seq = 1, network = 'simulation' } = fields
  const unsigned = {
    keyId: fields.keyId ?? keyIdOf(fields.key ?? 'key'),
    author: by.publicKey,
    seq,
    expiresAtMs: fields.expiresAtMs,
    deleted: fields.deleted ?? false,
    format: 0,
    value: fields.value ?? Uint8Array.of(seq),
  }
  const signature = by.sign(recordSigningBytes(networkHash(network), unsigned))
  return { kind: 'signed', ...unsigned, signature }
}

export function content(value: Uint8Array, expiresAtMs: number): ContentRecord {
  return { kind: 'content', keyId: keyIdOfContent(contentIdOf(value)), value, expiresAtMs }
}
