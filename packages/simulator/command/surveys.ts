/** What a network shows from outside, with no virtual time taken: how its values fare, its links, its traffic. */
import { idToHex } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Cluster } from '@kadrtc/simulator'
import type { SurvivalEvent, TrafficEvent } from './events.js'
import { rounded, type StoredValue } from './operations.js'

/** Looks into the stores of those that are up. */
export async function survivalOf(
  cluster: Cluster<KadNode>,
  stored: readonly StoredValue[],
  minute: number,
  departures: number,
): Promise<SurvivalEvent> {
  const replicas = new Map(stored.map(({ keyId }) => [idToHex(keyId), 0]))
  for (const { state, ports } of cluster.members) {
    if (state !== 'up') continue
    for (const [slot] of await ports.records.scan()) {
      const key = slot.slice(1, 41)
      const count = replicas.get(key)
      if (count !== undefined) replicas.set(key, count + 1)
    }
  }
  const counts = [...replicas.values()]
  return {
    kind: 'survival',
    minute: rounded(minute),
    values: counts.length,
    alive: counts.filter((count) => count > 0).length,
    replicasMean: rounded(counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length)),
    departures,
  }
}

/** Of a thousand nodes at most, evenly chosen: inspecting all of a large network takes longer than running it. */
export function linkCounts({ nodes }: Cluster<KadNode>): number[] {
  const every = Math.ceil(nodes.length / 1_000)
  return nodes.filter((_, i) => i % every === 0).map((node) => node.inspect().links.length)
}

export class TrafficMeter {
  /** Lives of all nodes so far, added up. */
  #nodeMs = 0

  constructor(private readonly cluster: Cluster<KadNode>) {}

  /** As many nodes as are up now have lived for so long. */
  lived(ms: number): void {
    this.#nodeMs += ms * this.cluster.nodes.length
  }

  /** From now until what it gives is called. */
  measure(phase: TrafficEvent['phase']): () => TrafficEvent {
    const { clock, network } = this.cluster
    const before = { ...network.counters, atMs: clock.elapsedMs, nodeMs: this.#nodeMs }
    return () => {
      const { counters } = network
      const seconds = (clock.elapsedMs - before.atMs) / 1000
      const nodeSeconds = Math.max(1, this.#nodeMs - before.nodeMs) / 1000
      return {
        kind: 'traffic',
        phase,
        seconds: rounded(seconds),
        messagesPerNodePerSecond: rounded((counters.messages - before.messages) / nodeSeconds),
        bytesPerNodePerSecond: rounded((counters.messageBytes - before.messageBytes) / nodeSeconds),
        connectionsOpened: counters.linksOpened - before.linksOpened,
      }
    }
  }
}
