/** Checks and makes the signatures of records. */
import { checkRecord, type KadRecord, type RecordFault, type SignedRecord } from '@kadrtc/kademlia'
import { recordSigningBytes } from '@kadrtc/wire'
import type { Awaitable, Identity } from '../ports/identity.js'

export class RecordProofs {
  constructor(
    readonly identity: Identity,
    readonly networkHash: Uint8Array,
    readonly wallMs: () => number,
  ) {}

  /** 'ok', or what is wrong. Cheap checks come first, the signature last. */
  check(record: KadRecord): Awaitable<'ok' | RecordFault | 'forged'> {
    const fault = checkRecord(record, this.wallMs())
    if (fault !== 'ok' || record.kind === 'content') return fault
    const bytes = recordSigningBytes(this.networkHash, record)
    const valid = this.identity.verify(record.author, bytes, record.signature)
    const verdict = (good: boolean) => (good ? 'ok' : 'forged')
    return valid instanceof Promise ? valid.then(verdict) : verdict(valid)
  }

  /** By this node's identity, whoever signed before. */
  async sign(fields: Omit<SignedRecord, 'signature' | 'author' | 'kind'>): Promise<SignedRecord> {
    const unsigned = Object.assign({}, fields, { kind: 'signed', author: this.identity.publicKey } as const)
    const signature = await this.identity.sign(recordSigningBytes(this.networkHash, unsigned))
    return Object.assign(unsigned, { signature })
  }
}
