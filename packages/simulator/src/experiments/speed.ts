/**
 * How fast the simulator is: simulated over wall time on a warm network whose nodes send a message a second each. Every
 * node pings one of its links every two seconds, which is a request and a reply; what the nodes do besides is not stopped.
 *
 *     const { xRealtime } = await speed({ seed: 7, nodes: 1_000, nowMs: () => performance.now() })
 */
import { type Id, idFromHex } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { SeededRandom } from '../seeded-random.js'
import type { GrowOptions, Swarm } from './grow.js'
import { warmSwarm } from './lay.js'

export interface SpeedOptions {
  /** A clock on the wall: this package has none. */
  readonly nowMs: () => number
  /** Virtual time that is measured. Default 20 s. */
  readonly forMs?: number
}

export interface SpeedResult {
  /** Simulated over wall time. */
  readonly xRealtime: number
  readonly simulatedMs: number
  readonly wallMs: number
  /** Delivered by the network, over all links: pings, and what the nodes do besides. */
  readonly messages: number
  readonly messagesPerNodeAndSecond: number
  readonly pings: number
  readonly pongs: number
}

const pingEveryMs = 2_000

export async function speed(options: GrowOptions & SpeedOptions): Promise<SpeedResult> {
  return measureSpeed(await warmSwarm(options), options)
}

/** On a network that is warm already. */
export async function measureSpeed(
  swarm: Swarm,
  { nowMs, forMs = 20_000 }: SpeedOptions,
): Promise<SpeedResult> {
  const random = swarm.random.fork('speed')
  const counts = { pings: 0, pongs: 0 }
  const { nodes } = swarm
  const pinging = { goesOn: true }
  for (const node of nodes) keepPinging(swarm, node, random, counts, pinging)
  // Every node has begun by then, and the compiler has seen what it is about to run.
  await swarm.clock.advance(pingEveryMs)

  const before = { ...counts, messages: swarm.network.counters.messages }
  const startMs = nowMs()
  await swarm.clock.advance(forMs)
  const wallMs = nowMs() - startMs
  const messages = swarm.network.counters.messages - before.messages
  pinging.goesOn = false
  return {
    xRealtime: forMs / wallMs,
    simulatedMs: forMs,
    wallMs,
    messages,
    messagesPerNodeAndSecond: messages / nodes.length / (forMs / 1000),
    pings: counts.pings - before.pings,
    pongs: counts.pongs - before.pongs,
  }
}

/** Whom to ping is settled beforehand: to look into a node costs more than a ping. */
function keepPinging(
  { clock }: Swarm,
  node: KadNode,
  random: SeededRandom,
  counts: { pings: number; pongs: number },
  pinging: { readonly goesOn: boolean },
): void {
  const peers: Id[] = node.inspect().links.map(({ peer }) => idFromHex(peer))
  if (peers.length === 0) return
  const ping = () => {
    if (!pinging.goesOn) return
    clock.setTimer(pingEveryMs, ping)
    counts.pings++
    node.ping(random.pick(peers)).then(
      () => {
        counts.pongs++
      },
      () => {},
    )
  }
  clock.setTimer(pingEveryMs * random.fraction(), ping)
}
