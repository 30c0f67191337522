/**
 * What the oracle says of some of an experiment's lookups. It is asked once the experiment is over: every latency that is
 * asked for draws its jitter from the network's stream, and what came after it would be another run.
 *
 *     const sample = new OracleSample(swarm, { of: gets })
 *     sample.note(reader.id, key, ids) // as each get begins
 *     const { directMsP50 } = sample.result()
 */
import type { Id } from '@kadrtc/kademlia'
import { Oracle } from '../oracle.js'
import type { SeededRandom } from '../seeded-random.js'
import type { Swarm } from './grow.js'
import { median } from './measure.js'

/** Medians of the lookups sampled, in ms; NaN when there were none. */
export interface OracleTimes {
  /** The direct round trip to the owner. */
  readonly directMsP50: number
  /** Greedy routing on perfect tables. */
  readonly greedyMsP50: number
  /** An iterative lookup over perfect k-buckets that dials each contact it asks. */
  readonly dialingMsP50: number
}

interface Lookup {
  readonly from: Id
  readonly key: Id
  readonly ids: readonly Id[]
}

/** A median of so many is good to a few percent. Bounds the memory where each has nodes of its own. */
const sampledMost = 200

export class OracleSample {
  readonly #lookups: Lookup[] = []
  readonly #every: number
  #begun = 0

  /** `of`: how many lookups there will be. Every so manieth is taken. */
  constructor(
    readonly swarm: Swarm,
    options: { readonly of: number },
  ) {
    this.#every = Math.max(1, Math.ceil(options.of / sampledMost))
  }

  /** A lookup begins. `ids` gives the nodes there are; the same array for all lookups if nobody comes or goes. */
  note(from: Id, key: Id, ids: () => readonly Id[]): void {
    if (this.#begun++ % this.#every === 0 && this.#lookups.length < sampledMost)
      this.#lookups.push({ from, key, ids: ids() })
  }

  result(): OracleTimes {
    const random = this.swarm.random.fork('oracle sample')
    let oracle: Oracle | undefined
    let known: readonly Id[] | undefined
    const times = this.#lookups.map(({ from, key, ids }) => {
      if (!oracle || ids !== known) oracle = oracleOf(this.swarm, ids, random)
      known = ids
      return {
        directMs: oracle.roundTripMs(from, oracle.closest(key, 1)[0]!),
        greedyMs: oracle.greedy(from, key).ms,
        dialingMs: oracle.dialing(from, key),
      }
    })
    return {
      directMsP50: median(times.map(({ directMs }) => directMs)),
      greedyMsP50: median(times.map(({ greedyMs }) => greedyMs)),
      dialingMsP50: median(times.map(({ dialingMs }) => dialingMs)),
    }
  }
}

/** The oracle of these nodes, with the swarm's latencies and its nodes' own settings. */
export function oracleOf(swarm: Swarm, ids: readonly Id[], random: SeededRandom): Oracle {
  const { k, linksPerBucket, alpha } = swarm.nodes[0]!.settings
  return new Oracle({
    ids,
    latencyMs: (from, to) => swarm.network.latencyMs(from, to),
    random,
    k,
    linksPerBucket,
    alpha,
    dialRoundTrips: 5,
  })
}
