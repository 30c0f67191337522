/**
 * What a get could take at best, and what it takes elsewhere, on the nodes that are up when it is asked: all of them sound, and
 * every pair able to connect. A network under churn is another one a moment later, so each get has its own oracle; while nobody
 * comes or goes they share one.
 */
import type { Id } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import { type Cluster, type LatencyModel, Oracle } from '@kadrtc/simulator'

/** An answer takes time in proportion to the nodes: 65 ms among 10,000. So only so many of the gets are asked about. */
const nodesTimesGetsMost = 1_000_000
const getsMost = 100
const getsLeast = 10
/** ICE, DTLS and SCTP, as the virtual network takes them. */
const dialRoundTrips = 5

export interface IdealMs {
  /** There and back over perfect tables, each node handing on to the best of its links. */
  readonly greedyMs: number
  /** An iterative lookup over perfect k-buckets that opens a connection to each contact it asks. */
  readonly dialingMs: number
}

export class Ideal {
  #last: { readonly nodes: readonly KadNode[]; readonly oracle: Oracle } | undefined

  constructor(
    private readonly cluster: Cluster<KadNode>,
    /** Without jitter, so that asking draws nothing. */
    private readonly latency: LatencyModel,
  ) {}

  of({ id, settings }: KadNode, keyId: Id): IdealMs {
    const oracle = this.#oracleOf(settings)
    return { greedyMs: oracle.greedy(id, keyId).ms, dialingMs: oracle.dialing(id, keyId) }
  }

  #oracleOf({ k, linksPerBucket, alpha }: KadNode['settings']): Oracle {
    const { nodes, random } = this.cluster
    const last = this.#last
    if (last?.nodes.length === nodes.length && nodes.every((node, i) => node === last.nodes[i])) {
      return last.oracle
    }
    const oracle = new Oracle({
      ids: nodes.map(({ id }) => id),
      latencyMs: this.latency,
      random: random.fork('ideal'),
      k,
      linksPerBucket,
      alpha,
      dialRoundTrips,
    })
    this.#last = { nodes, oracle }
    return oracle
  }
}

/** The ideal is worked out for each get whose number this divides. */
export function idealEvery(gets: number, nodes: number): number {
  const most = Math.min(getsMost, Math.max(getsLeast, Math.floor(nodesTimesGetsMost / nodes)))
  return Math.ceil(gets / most)
}
