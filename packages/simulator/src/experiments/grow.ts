/**
 * A network of real nodes for experiments: it grows as networks do, a tenth more at a time, each node joining through the
 * introduction server, and is then left alone until it is warm.
 *
 *     const swarm = await growSwarm({ seed: 7, nodes: 1_000 })
 */
import { KadNode, type Settings } from '@kadrtc/node'
import { Cluster, type ClusterOptions } from '../cluster.js'
import type { ClusterPorts } from '../cluster-member.js'
import { latencyPlane } from '../latency-plane.js'
import { natClasses, unconnectableShare } from '../nat-classes.js'

export type Swarm = Cluster<KadNode>

export interface GrowOptions {
  readonly seed: string | number
  readonly nodes: number
  readonly settings?: Partial<Settings>
  /** Left alone for so long, in virtual ms, once all have joined. Default: two minutes. */
  readonly settleMs?: number
  readonly medianRttMs?: number
  /** Of all pairs, how many of 1 can open no link (see `natClasses`). Default 0.08. */
  readonly unconnectable?: number
  readonly network?: ClusterOptions<KadNode>['network']
  readonly server?: ClusterOptions<KadNode>['server']
  /** Told after each wave. */
  readonly onProgress?: (joined: number, swarm: Swarm) => void
  /** Set before anybody joins, e.g. who can connect to whom. */
  readonly prepare?: (swarm: Swarm) => void
}

/** The first wave, and the least of the others. */
const waveLeast = 10
/** Between two waves. */
const waveEveryMs = 1_000

export function emptySwarm(options: GrowOptions): Swarm {
  const {
    seed,
    settings = {},
    medianRttMs = 80,
    unconnectable = unconnectableShare,
    network,
    server,
  } = options
  const swarm: Swarm = new Cluster<KadNode>({
    seed,
    createNode: (ports: ClusterPorts) => new KadNode({ settings, ...ports }),
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
    latency: (random) => latencyPlane(random, { medianRttMs, jitter: 0.1 }),
    withinMs: 300_000,
    traced: false,
    granularityMs: 1,
    ...(network ? { network } : {}),
    ...(server ? { server } : {}),
  })
  if (unconnectable > 0) swarm.network.faults.canConnect = natClasses(seed, unconnectable).canConnect
  options.prepare?.(swarm)
  return swarm
}

/** Resolves when all have joined and the network is warm. */
export async function growSwarm(options: GrowOptions): Promise<Swarm> {
  const swarm = emptySwarm(options)
  await joinMore(swarm, options.nodes, options.onProgress)
  await swarm.clock.advance(options.settleMs ?? 120_000)
  return swarm
}

/** Joins nodes until there are `nodes`. */
export async function joinMore(
  swarm: Swarm,
  nodes: number,
  onProgress?: (joined: number, swarm: Swarm) => void,
): Promise<void> {
  for (let joined = swarm.nodes.length; joined < nodes; joined = swarm.nodes.length) {
    const wave = Math.min(nodes - joined, Math.max(waveLeast, Math.floor(joined / 10)))
    await swarm.run(Promise.all(Array.from({ length: wave }, () => swarm.add().started)))
    await swarm.clock.advance(waveEveryMs)
    onProgress?.(swarm.nodes.length, swarm)
  }
}
