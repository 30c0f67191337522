/**
 * What joining costs a newcomer: round trips from its first link until it has links to all of its k nearest, but for those
 * to whom no link can come about.
 */
import { compareDistances, idToHex } from '@kadrtc/kademlia'
import type { Swarm } from './grow.js'
import { median } from './measure.js'

export interface JoiningResult {
  /** From the first link to a full sibling set, in ms, one a newcomer. Infinity for who had none within a minute. */
  readonly fullAfterMs: readonly number[]
  /** The median round trip of the newcomers' first links. */
  readonly roundTripMs: number
}

const patienceMs = 60_000
const lookEveryMs = 20

/** Adds `newcomers` nodes, one after the other. */
export async function measureJoining(swarm: Swarm, newcomers: number): Promise<JoiningResult> {
  const fullAfterMs: number[] = []
  const roundTrips: number[] = []
  for (let i = 0; i < newcomers; i++) {
    const { member, started } = swarm.add()
    const { node } = member
    const others = swarm.nodes.filter((other) => other !== node)
    const canConnect = swarm.network.faults.canConnect ?? (() => true)
    const nearest = others
      .sort((a, b) => compareDistances(node.id, a.id, b.id))
      .slice(0, node.settings.k)
      .filter(({ id }) => canConnect(node.id, id))
      .map(({ id }) => idToHex(id))
    let firstMs: number | undefined
    let fullMs: number | undefined
    const missing = new Set(nearest)
    node.on('link', ({ peer }) => {
      firstMs ??= swarm.clock.elapsedMs
      missing.delete(peer)
      if (missing.size === 0) fullMs ??= swarm.clock.elapsedMs
    })
    node.on('unlink', ({ peer }) => {
      if (nearest.includes(peer)) missing.add(peer)
    })
    await swarm.run(started)
    const untilMs = swarm.clock.elapsedMs + patienceMs
    while (fullMs === undefined && swarm.clock.elapsedMs < untilMs) await swarm.clock.advance(lookEveryMs)
    fullAfterMs.push(fullMs === undefined ? Number.POSITIVE_INFINITY : fullMs - firstMs!)
    roundTrips.push(...node.inspect().links.map(({ rttMs }) => rttMs ?? 0))
  }
  return { fullAfterMs, roundTripMs: median(roundTrips) }
}
