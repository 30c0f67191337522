/** Whom an invariant looks at, and how its sentences call them. */
import { compareDistances, type Id, idToHex } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster } from '../cluster.js'
import type { Member } from '../cluster-member.js'

/** Those whose code runs. */
export function living(cluster: Cluster<KadNode>): Member<KadNode>[] {
  return cluster.members.filter(({ state }) => state === 'up')
}

/** Those that hold memory: frozen tabs too. */
export function present(cluster: Cluster<KadNode>): Member<KadNode>[] {
  return cluster.members.filter(({ state }) => state === 'up' || state === 'frozen')
}

/** Of `members` the `count` closest to an id, nearest first. */
export function closestOf(
  members: readonly Member<KadNode>[],
  target: Id,
  count: number,
): readonly Member<KadNode>[] {
  return [...members].sort((a, b) => compareDistances(target, a.node.id, b.node.id)).slice(0, count)
}

export function nameOf({ index, node }: Member<KadNode>): string {
  return `Node ${index} (${idToHex(node.id).slice(0, 8)})`
}
