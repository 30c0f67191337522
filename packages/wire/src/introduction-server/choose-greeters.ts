/**
 * Whom a newcomer is told of: the node nearest to it, which leads it into its own corner of the id space, and
 * others at random, so that one corner is not all it sees.
 */
import { type Id, isCloser } from '@kadrtc/kademlia'
import type { Identified } from './greeter-pool.js'
import { type Random, randomIndex } from './random.js'

export interface Candidates<Candidate extends Identified> {
  /** Nodes that have their links and stay. */
  readonly greeters: readonly Candidate[]
  /** Nodes that are still joining. They count only while there are too few greeters: they may never get a link. */
  readonly newcomers: readonly Candidate[]
}

/** Up to `count` candidates, the nearest to `self` first. `self` must not be among them. */
export function chooseGreeters<Candidate extends Identified>(
  self: Id,
  { greeters, newcomers }: Candidates<Candidate>,
  count: number,
  random: Random,
): Candidate[] {
  const eligible = greeters.length >= count ? greeters : [...greeters, ...newcomers]
  let nearest = eligible[0]
  if (!nearest) return []
  for (const candidate of eligible) if (isCloser(self, candidate.id, nearest.id)) nearest = candidate
  const isOther = (candidate: Candidate) => candidate !== nearest
  const others = sample(greeters.filter(isOther), count - 1, random)
  const missing = count - 1 - others.length
  if (missing > 0) others.push(...sample(newcomers.filter(isOther), missing, random))
  return [nearest, ...others]
}

/** Up to `count` of `items`, each equally likely, in random order: a Fisher-Yates shuffle that stops early. */
function sample<Item>(items: readonly Item[], count: number, random: Random): Item[] {
  const pool = [...items]
  const taken = Math.min(count, pool.length)
  for (let i = 0; i < taken; i++) {
    const j = i + randomIndex(random, pool.length - i)
    const item = pool[j]!
    pool[j] = pool[i]!
    pool[i] = item
  }
  return pool.slice(0, taken)
}
