/**
 * What must hold of a cluster of real nodes. Each check looks at the whole of it from outside, changes nothing, lets no time
 * pass, and gives its violations as sentences; none is good.
 *
 *     const violations = [...linkBudgets(cluster), ...nearestLinks(cluster), ...(await replicas(cluster, { floor: 3 }))]
 *
 * Budgets, requests and sequence numbers must hold at every moment; links and replicas once the network is quiet.
 */
import { compareDistances, compareRecords, type Id, idToHex, type KadRecord } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import { decodeRecord } from '@kadrtc/wire'
import type { Cluster, Member } from './cluster.js'

/** No node has more links than its settings allow. */
export function linkBudgets(cluster: Cluster<KadNode>): string[] {
  return living(cluster).flatMap((member) => {
    const { linksMax } = member.node.settings
    const links = member.node.inspect().links.length
    return links > linksMax ? [`${nameOf(member)} has ${links} links, ${linksMax} allowed`] : []
  })
}

/** Requests under way are bounded by those that each link may carry, and more are never answered than were sent. */
export function requestBudgets(cluster: Cluster<KadNode>): string[] {
  return living(cluster).flatMap((member) => {
    const { links, counters } = member.node.inspect()
    const { pending = 0, answered = 0, sent = 0 } = counters
    const pendingMax = links.length * member.node.settings.pendingPerLinkMax
    const violations: string[] = []
    if (pending > pendingMax) {
      violations.push(`${nameOf(member)} has ${pending} requests under way, ${pendingMax} allowed`)
    }
    if (answered > sent) violations.push(`${nameOf(member)} had ${answered} answers to ${sent} requests`)
    return violations
  })
}

/** Each node is linked to its k nearest of those that are up and that it can connect to. */
export function nearestLinks(cluster: Cluster<KadNode>): string[] {
  const members = living(cluster)
  return members.flatMap((member) => {
    const { node } = member
    const linked = new Set(node.inspect().links.map(({ peer }) => peer))
    const missing = members
      .filter((other) => other !== member && canLink(cluster, node.id, other.node.id))
      .sort((a, b) => compareDistances(node.id, a.node.id, b.node.id))
      .slice(0, node.settings.k)
      .filter((other) => !linked.has(idToHex(other.node.id)))
    const names = missing.map(nameOf).join(', ')
    return missing.length > 0 ? [`${nameOf(member)} lacks links to nearest nodes: ${names}`] : []
  })
}

export interface ReplicasOptions {
  /** Of the k living nodes closest to a record's key, how many must have its newest version. */
  readonly floor: number
}

/** Each record that any living node keeps is on enough of the k closest, in the newest version that is kept anywhere. */
export async function replicas(cluster: Cluster<KadNode>, { floor }: ReplicasOptions): Promise<string[]> {
  const members = living(cluster)
  const kept = await keptRecords(cluster)
  return [...kept.newest].flatMap(([slot, record]) => {
    const closest = [...members].sort((a, b) => compareDistances(record.keyId, a.node.id, b.node.id))
    const k = members[0]?.node.settings.k ?? 0
    const isNewest = (member: Member<KadNode>) => {
      const own = kept.byMember.get(member)?.get(slot)
      return own !== undefined && compareRecords(own, record) >= 0
    }
    const copies = closest.slice(0, k).filter(isNewest).length
    const wanted = Math.min(floor, k, members.length)
    if (copies >= wanted) return []
    return [`Record ${slot} is on ${copies} of the ${k} closest in its newest version, ${wanted} wanted`]
  })
}

export interface KeptRecords {
  /** The newest version of each slot that a living node keeps and that has not expired. */
  readonly newest: ReadonlyMap<string, KadRecord>
  readonly byMember: ReadonlyMap<Member<KadNode>, ReadonlyMap<string, KadRecord>>
}

/** What the stores of living nodes keep. */
export async function keptRecords(cluster: Cluster<KadNode>): Promise<KeptRecords> {
  const newest = new Map<string, KadRecord>()
  const byMember = new Map<Member<KadNode>, Map<string, KadRecord>>()
  const nowMs = cluster.clock.now()
  for (const member of living(cluster)) {
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

/** Tells if a reader is ever taken back to an older version than it has seen. Bounded by the readers times the keys. */
export class SequenceWatcher {
  readonly #seen = new Map<string, number>()

  /** A reader has read, or as the author written, this version. A reloaded node is a new reader: it remembers nothing. */
  note(reader: string, key: string, author: string, seq: number): string[] {
    const place = `${reader} ${key} ${author}`
    const seen = this.#seen.get(place) ?? 0
    this.#seen.set(place, Math.max(seen, seq))
    if (seq >= seen) return []
    return [`Reader ${reader} saw sequence number ${seq} of ${key} by ${author} after ${seen}`]
  }
}

function living(cluster: Cluster<KadNode>): Member<KadNode>[] {
  return cluster.members.filter(({ state }) => state === 'up')
}

function canLink({ network }: Cluster<KadNode>, a: Id, b: Id): boolean {
  const { canConnect } = network.faults
  if (network.isCut(a, b) || network.isCut(b, a)) return false
  return !canConnect || canConnect(a, b) || canConnect(b, a)
}

function nameOf({ index, node }: Member<KadNode>): string {
  return `Node ${index} (${idToHex(node.id).slice(0, 8)})`
}
