/** What the stores of a cluster keep, and whether enough of the right nodes keep it. */
import { compareRecords, type KadRecord } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import { decodeRecord } from '@kadrtc/wire'
import type { Cluster } from '../cluster.js'
import type { Member } from '../cluster-member.js'
import { closestOf, living } from './members.js'

export interface ReplicasOptions {
  /** Of the k living nodes closest to a record's key, how many must have its newest version. */
  readonly floor: number
  /**
   * Records that nobody has to keep, though somebody does: there was a newer version, which lived for a shorter time and is gone.
   * Default: none.
   */
  readonly isOutdated?: (slot: string, record: KadRecord) => boolean
}

/**
 * Each record that any living node keeps is on enough of the k closest, in the newest version that is kept anywhere. One that
 * nobody keeps any more is not missed here: `RecordLedger` does that.
 */
export async function replicas(
  cluster: Cluster<KadNode>,
  { floor, isOutdated = () => false }: ReplicasOptions,
): Promise<string[]> {
  const members = living(cluster)
  const kept = await keptRecords(cluster)
  return [...kept.newest].flatMap(([slot, record]) => {
    const k = members[0]?.node.settings.k ?? 0
    const isNewest = (member: Member<KadNode>) => {
      const own = kept.byMember.get(member)?.get(slot)
      return own !== undefined && compareRecords(own, record) >= 0
    }
    const copies = closestOf(members, record.keyId, k).filter(isNewest).length
    const wanted = Math.min(floor, k, members.length)
    if (copies >= wanted || isOutdated(slot, record)) return []
    return [`Record ${slot} is on ${copies} of the ${k} closest in its newest version, ${wanted} wanted`]
  })
}

export interface KeptRecords {
  /** The newest version of each slot that a living node keeps and that has not expired. */
  readonly newest: ReadonlyMap<string, KadRecord>
  readonly byMember: ReadonlyMap<Member<KadNode>, ReadonlyMap<string, KadRecord>>
}

/** What the stores of `members` keep; of those that are up, if nothing else is said. */
export async function keptRecords(
  cluster: Cluster<KadNode>,
  members: readonly Member<KadNode>[] = living(cluster),
): Promise<KeptRecords> {
  const newest = new Map<string, KadRecord>()
  const byMember = new Map<Member<KadNode>, Map<string, KadRecord>>()
  const nowMs = cluster.clock.wallMs()
  for (const member of members) {
    const own = new Map<string, KadRecord>()
    byMember.set(member, own)
    for (const [slot, bytes] of await member.ports.records.scan()) {
      const record = decodeRecord(bytes)
      if (record.expiresAtMs <= nowMs) continue
      own.set(slot, record)
      const known = newest.get(slot)
      if (!known || compareRecords(record, known) > 0) newest.set(slot, record)
    }
  }
  return { newest, byMember }
}
