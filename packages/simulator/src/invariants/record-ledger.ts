/**
 * What the authors of a cluster were told is stored, and whether it still is: a record that is lost from all stores leaves no
 * trace there, and is missed here.
 *
 * Told of: a put or a delete that at least half of k replicas have confirmed. Until it expires some node that is up or frozen keeps that
 * version, or a newer one of the same author. A loss is legitimate only where those that kept it went too fast for any repair:
 * at least half of k of them crashed or left within one repair time. Where at most a tenth of the nodes crash at once, as in a
 * soak of 30 nodes with k = 8, that is hardly ever so.
 */
import type { KadRecord } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster } from '../cluster.js'
import { present } from './members.js'
import { keptRecords } from './replicas.js'

/** What an author was told. */
export interface Confirmation {
  /** `slotOf` the record. */
  readonly slot: string
  /** Of the version stored; of the same slot the newest counts. */
  readonly seq: number
  /** By the cluster's clock; an author or holder with another clock ends it earlier: say the earliest. */
  readonly expiresAtMs: number
  /** Replicas that hold it now, as the author was told. */
  readonly stored: number
}

interface Promised extends Confirmation {
  /** Which members kept it, at each look of the last repair time and one before, oldest first. */
  readonly looks: { readonly atMs: number; readonly keepers: readonly number[] }[]
}

export interface RecordLedgerOptions {
  /** Of the closest, by when a missing copy is replaced. Default: a minute, in which links are lost and records handed over. */
  readonly repairMs?: number
}

export class RecordLedger {
  /** The newest confirmed version of each slot. Bounded by those that write, times their keys. */
  readonly #promised = new Map<string, Promised>()
  /** The newest version of each slot that there ever was, as far as anybody was told. Bounded likewise. */
  readonly #newestSeq = new Map<string, number>()
  readonly #repairMs: number

  constructor(
    readonly cluster: Cluster<KadNode>,
    { repairMs = 60_000 }: RecordLedgerOptions = {},
  ) {
    this.#repairMs = repairMs
  }

  /** Records that are looked after. */
  get size(): number {
    return this.#promised.size
  }

  /** There is, or was, this version: whoever put or read it says so. */
  saw(slot: string, seq: number): void {
    this.#newestSeq.set(slot, Math.max(seq, this.#newestSeq.get(slot) ?? 0))
  }

  /** Was there a newer version of this record? It may have expired since. */
  readonly isOutdated = (slot: string, record: KadRecord): boolean =>
    seqOf(record) < (this.#newestSeq.get(slot) ?? 0)

  confirm(confirmation: Confirmation): void {
    this.saw(confirmation.slot, confirmation.seq)
    const known = this.#promised.get(confirmation.slot)
    if (confirmation.stored * 2 < this.#k || (known && known.seq > confirmation.seq)) return
    this.#promised.set(confirmation.slot, { ...confirmation, looks: [] })
  }

  /** Looks at all stores: what is lost, and not legitimately. Each loss is told once. To be called every few seconds. */
  async check(): Promise<string[]> {
    const nowMs = this.cluster.clock.wallMs()
    const members = present(this.cluster)
    const { byMember } = await keptRecords(this.cluster, members)
    const violations: string[] = []
    for (const [slot, promised] of this.#promised) {
      if (promised.expiresAtMs <= nowMs) {
        this.#promised.delete(slot)
        continue
      }
      const keepers = members.flatMap((member) => {
        const record = byMember.get(member)?.get(slot)
        return record && seqOf(record) >= promised.seq ? [member.index] : []
      })
      promised.looks.push({ atMs: nowMs, keepers })
      while (promised.looks[1] && promised.looks[1].atMs <= nowMs - this.#repairMs) promised.looks.shift()
      if (keepers.length > 0) continue
      this.#promised.delete(slot)
      const gone = new Set(promised.looks.flatMap((look) => look.keepers)).size
      if (gone * 2 >= this.#k) continue
      violations.push(
        `Record ${slot} with sequence number ${promised.seq}, stored by ${promised.stored}, is lost: ${gone} that kept it went within ${this.#repairMs / 1000} s`,
      )
    }
    return violations
  }

  get #k(): number {
    return this.cluster.members[0]?.node.settings.k ?? 0
  }
}

function seqOf(record: KadRecord): number {
  return record.kind === 'signed' ? record.seq : 0
}
