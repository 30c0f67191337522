/**
 * What must hold of a network once nobody has come, gone or been cut off for a while: who is linked to whom, and whom lookups
 * find, beside the global view that no node has.
 */
import { equalIds, type Id, idToHex } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster } from '../cluster.js'
import type { Member } from '../cluster-member.js'
import { closestOf, living, nameOf } from './members.js'

/**
 * Each node is linked to its k nearest of those that are up and that it can connect to, as far as they are among its 2k nearest of all:
 * more than these no node keeps in mind.
 */
export function nearestLinks(cluster: Cluster<KadNode>): string[] {
  const members = living(cluster)
  return members.flatMap((member) => {
    const { node } = member
    const { k } = node.settings
    const linked = new Set(node.inspect().links.map(({ peer }) => peer))
    const others = members.filter((other) => other !== member)
    const missing = closestOf(others, node.id, 2 * k)
      .filter((other) => canLink(cluster, node.id, other.node.id))
      .slice(0, k)
      .filter((other) => !linked.has(idToHex(other.node.id)))
    return missing.length > 0 ? [`${nameOf(member)} lacks links to nearest nodes: ${namesOf(missing)}`] : []
  })
}

export interface ClosestOptions {
  /** Looked up by each of `askers`. */
  readonly targets: readonly Id[]
  readonly askers: readonly Member<KadNode>[]
}

/**
 * FIND_NODE is true to the global view: a lookup names the k closest of those that are up, and nobody who is not. Where some of the
 * k closest cannot connect to one another nobody is linked to all of them, and a lookup that ends at such a one names those
 * that it knows: then at least half of them. Lets the time pass that the lookups take, all at once.
 */
export async function closest(
  cluster: Cluster<KadNode>,
  { targets, askers }: ClosestOptions,
): Promise<string[]> {
  const look = async (asker: Member<KadNode>, target: Id) => {
    const members = living(cluster)
    return falseAnswer(cluster, members, asker, target, await asker.node.closest(target))
  }
  const looking = askers.flatMap((asker) => targets.map((target) => look(asker, target)))
  return (await cluster.run(Promise.all(looking))).flat()
}

function falseAnswer(
  cluster: Cluster<KadNode>,
  members: readonly Member<KadNode>[],
  asker: Member<KadNode>,
  target: Id,
  named: readonly Id[],
): string[] {
  const { k } = asker.node.settings
  const truth = closestOf(members, target, k)
  const areLinked = truth.every((one) =>
    truth.every((other) => one === other || canLink(cluster, one.node.id, other.node.id)),
  )
  const missingMost = areLinked ? 0 : Math.floor(k / 2)
  const isNamed = ({ node }: Member<KadNode>) => named.some((id) => equalIds(id, node.id))
  const missed = truth.filter((member) => !isNamed(member))
  const gone = named.filter((id) => !members.some(({ node }) => equalIds(id, node.id)))
  const what = `${nameOf(asker)} looked up ${idToHex(target).slice(0, 8)}`
  return [
    ...(missed.length > missingMost ? [`${what} and missed of the ${k} closest: ${namesOf(missed)}`] : []),
    ...(gone.length > 0 ? [`${what} and was told of who is gone: ${gone.map(idToHex).join(', ')}`] : []),
  ]
}

function canLink({ network }: Cluster<KadNode>, a: Id, b: Id): boolean {
  const { canConnect } = network.faults
  if (network.isCut(a, b) || network.isCut(b, a)) return false
  return !canConnect || canConnect(a, b) || canConnect(b, a)
}

function namesOf(members: readonly Member<KadNode>[]): string {
  return members.map(nameOf).join(', ')
}
