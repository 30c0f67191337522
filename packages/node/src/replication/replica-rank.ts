/** Whether a node is one of the k closest to a key, as far as another, or itself, can tell without asking anybody. */
import { commonPrefixLength, type Id } from '@kadrtc/kademlia'
import type { LinkTable } from '../overlay/link-table.js'

/**
 * With ids spread evenly, k x (distance to a key) / (distance from us to our k-th nearest) nodes are closer to the key, give
 * or take the square root of k, on both sides of the fraction. Who is one of the k closest after all must not be taken
 * for far by others, who would keep records from it; that it doubts itself costs a packet more. In networks of a few times k nodes
 * ids are not spread that evenly: of twelve with k = 5 some are replicas though it is hopeless, and none though it is absurd.
 */
const deviations = { unlikely: 1, doubtful: 3, hopeless: 6, absurd: 24 } as const

/**
 * False when k linked peers are closer to the key; and when the key lies so far outside of our own neighbourhood that
 * there must be others: a node links to its own k nearest, and to few who are near a key that is far.
 */
export function mayBeReplica(own: Id, keyId: Id, links: LinkTable, k: number): boolean {
  return !isFar(own, keyId, own, links, k, 'doubtful') && links.countCloser(keyId) < k
}

/**
 * More likely than not, as dense as nodes are here. Who holds a record and is less sure leaves it to these to mend the
 * replica set: it knows too few of those who are near the key, and would take the wrong ones for replicas.
 */
export function isLikelyReplica(own: Id, keyId: Id, links: LinkTable, k: number): boolean {
  return !isFar(own, keyId, own, links, k, 'unlikely') && links.countCloser(keyId) < k
}

/** Is `id` too far from a key to be a replica of it, if nodes are as dense there as they are here? */
export function isFar(
  id: Id,
  keyId: Id,
  own: Id,
  links: LinkTable,
  k: number,
  degree: keyof typeof deviations = 'hopeless',
): boolean {
  const farthest = links.siblings()[k - 1]
  const factor = 1 + deviations[degree] / Math.sqrt(k)
  return farthest !== undefined && distanceRatio(id, keyId, own, farthest) > factor
}

/**
 * No record that is likely ours is one that `id` could hold too: it lies farther off than the two distances to a key that
 * are allowed together (XOR distances obey the triangle inequality). Saves looking at every record when such a peer comes.
 */
export function sharesNoRecords(own: Id, id: Id, links: LinkTable, k: number): boolean {
  const farthest = links.siblings()[k - 1]
  const factor = 2 + (deviations.unlikely + deviations.hopeless) / Math.sqrt(k)
  // Ratios are cut to some 24 bits.
  return farthest !== undefined && distanceRatio(own, id, own, farthest) > factor * 1.001
}

/**
 * The k linked peers closest to a key where they are likely its replicas: as dense there as nodes are here, so that few can
 * be missing. Elsewhere none: they would be nodes on the way.
 */
export function linkedReplicas(own: Id, keyId: Id, links: LinkTable, k: number): Id[] {
  const closest = links.closest(keyId, k)
  const farthest = closest.at(-1)
  return farthest && !isFar(farthest, keyId, own, links, k, 'unlikely') ? closest : []
}

/** How many leading bits the k closest to any id share with it, guessed by our own k nearest: ids are spread evenly. */
export function replicasShareBits(own: Id, links: LinkTable, k: number): number {
  const farthest = links.siblings()[k - 1]
  return farthest ? commonPrefixLength(own, farthest) : 0
}

/** (Distance of a to b) / (distance of c to d), by the 32 bits from the first byte that is not 0 in both. */
function distanceRatio(a: Id, b: Id, c: Id, d: Id): number {
  let start = 0
  while (start < 16 && a[start] === b[start] && c[start] === d[start]) start++
  const word = (x: Id, y: Id) => {
    let value = 0
    for (let i = start; i < start + 4; i++) value = value * 256 + (x[i]! ^ y[i]!)
    return value
  }
  return word(a, b) / word(c, d)
}
