/** What a get has gathered: the newest verified record per slot, and how many nodes vouched for something. */
import {
  authorIdOf,
  compareRecords,
  equalIds,
  type Id,
  idKey,
  type KadRecord,
  slotOf,
} from '@kadrtc/kademlia'
import type { RecordProofs } from '../records/proofs.js'
import type { Question } from '../rpc/question.js'

export class ReadFindings {
  readonly #newest = new Map<string, KadRecord>()
  readonly #holders = new Set<string>()
  forged = 0

  constructor(
    readonly question: Question<'find-value'>,
    readonly proofs: RecordProofs,
  ) {}

  /** Distinct nodes that gave at least one valid record. */
  get holders(): number {
    return this.#holders.size
  }

  get records(): KadRecord[] {
    return [...this.#newest.values()]
  }

  /**
   * Takes what a node answered; true if any of it was valid. Records already seen are not verified again. Who names others
   * to ask besides does not count as a holder: it knows that it is none of the k closest.
   */
  async add(holder: Id, records: readonly KadRecord[], namesOthers = false): Promise<boolean> {
    const verdicts = await Promise.all(records.map((record) => this.#take(record)))
    const any = verdicts.some(Boolean)
    if (any && !namesOthers) this.#holders.add(idKey(holder))
    return any
  }

  async #take(record: KadRecord): Promise<boolean> {
    if (!this.#asked(record)) return false
    const slot = slotOf(record)
    const known = this.#newest.get(slot)
    if (known && known.kind === record.kind && compareRecords(record, known) === 0) return true
    if ((await this.proofs.check(record)) !== 'ok') {
      this.forged += 1
      return false
    }
    const latest = this.#newest.get(slot)
    if (!latest || compareRecords(record, latest) > 0) this.#newest.set(slot, record)
    return true
  }

  /** A liar may answer with a genuine record of another key, kind or author. */
  #asked(record: KadRecord): boolean {
    const { keyId, author, content } = this.question
    if (!equalIds(record.keyId, keyId) || (record.kind === 'content') !== (content ?? false)) return false
    return !author || (record.kind === 'signed' && equalIds(authorIdOf(record), author))
  }
}
