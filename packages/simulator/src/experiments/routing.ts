/**
 * Lookups on a warm network: how long gets and puts take beside what the oracle says is possible, whom puts find, and
 * what it takes in links, connections and hops.
 */
import { compareDistances, type Id, idKey, idToHex, keyIdOf } from '@kadrtc/kademlia'
import type { KadNode } from '@kadrtc/node'
import type { Oracle } from '../oracle.js'
import { DialWatch } from './dial-watch.js'
import type { Swarm } from './grow.js'
import { inBatches, timed } from './measure.js'
import { oracleOf } from './oracle-sample.js'

export interface RoutingOptions {
  readonly keys: number
  readonly getsPerKey: number
  /** Packets sent toward each key for their hops: of 300 alone the mean wavers by 0.07, and the fit over sizes by 0.013 a doubling. */
  readonly tracesPerKey: number
  /** Encoded values, in bytes. */
  readonly valueBytes: number
}

export const routingDefaults: RoutingOptions = {
  keys: 300,
  getsPerKey: 3,
  tracesPerKey: 10,
  valueBytes: 1_024,
}

export interface RoutingResult {
  /** Each get, the direct round trip to the key's owner from where it was asked, and what the oracle took. All in ms. */
  readonly gets: readonly {
    readonly ms: number
    readonly directMs: number
    readonly greedyMs: number
    readonly dialingMs: number
    readonly found: boolean
  }[]
  readonly puts: readonly { readonly ms: number; readonly directMs: number; readonly stored: boolean }[]
  /** Of the true k closest to the keys, how many had the record when its put was done. */
  readonly recall: number
  /** Dials that gets are the cause of: see `DialWatch`. */
  readonly dialsByGets: number
  /** Dials with a reader at one end, while its get went on or within a second after, for whatever reason. */
  readonly dialsOfReaders: number
  /** Links that the whole network opened while nothing but the gets went on, and those it opens in as long without. */
  readonly linksOpened: number
  readonly linksOpenedIdle: number
  readonly links: readonly number[]
  /** Hops of packets toward the keys. */
  readonly hops: readonly number[]
}

export async function measureRouting(
  swarm: Swarm,
  options: Partial<RoutingOptions> = {},
): Promise<RoutingResult> {
  const { keys: keyCount, getsPerKey, tracesPerKey, valueBytes } = { ...routingDefaults, ...options }
  const random = swarm.random.fork('routing')
  const nodes = swarm.nodes
  const { k } = nodes[0]!.settings
  const ids = nodes.map(({ id }) => id)
  const oracle = oracleOf(swarm, ids, random.fork('oracle'))
  const keys = Array.from({ length: keyCount }, (_, index) => keyIdOf(`${swarm.seed} ${index}`))
  const owners = new Map(keys.map((key) => [key, oracle.closest(key, 1)[0]!]))

  const value = new Uint8Array(valueBytes)
  const puts = await inBatches(
    swarm,
    keys.map((key) => async () => {
      const author = random.pick(nodes)
      const directMs = oracle.roundTripMs(author.id, owners.get(key)!)
      const { ms, value: outcome } = await timed(swarm, () => author.records.put(key, { value, format: 0 }))
      return { ms, directMs, stored: outcome !== undefined }
    }),
  )
  // The last requests of the puts arrive within a second; holders begin to see to each other after one and a half.
  await swarm.clock.advance(1_000)
  const recall = await recallOf(swarm, keys, k, oracle)
  await swarm.clock.advance(10_000)

  const readers = keys.flatMap((key) =>
    Array.from({ length: getsPerKey }, () => [key, random.pick(nodes)] as const),
  )
  const watch = new DialWatch(swarm)
  const { linksOpened: before } = swarm.network.counters
  const startMs = swarm.clock.elapsedMs
  const gets = await inBatches(
    swarm,
    readers.map(([key, reader]) => async () => {
      const { ms, value: record } = await timed(swarm, () =>
        watch.during(reader, key, () => reader.records.get(key)),
      )
      return { reader, key, ms, found: record !== undefined }
    }),
  )
  const linksOpened = swarm.network.counters.linksOpened - before
  const idleFrom = swarm.network.counters.linksOpened
  await swarm.clock.advance(swarm.clock.elapsedMs - startMs)
  const linksOpenedIdle = swarm.network.counters.linksOpened - idleFrom
  // The last gets were watched until now: what they set off may come a little later.
  watch.stop()

  const senders = keys.flatMap((key) =>
    Array.from({ length: tracesPerKey }, () => [key, random.pick(nodes)] as const),
  )
  const hops = await inBatches(
    swarm,
    senders.map(([key, sender]) => async () => {
      const { value: end } = await timed(swarm, () => sender.traceRoute(key))
      return end && sender.id !== owners.get(key) ? end.hops : Number.NaN
    }),
  )
  return {
    puts,
    recall,
    dialsByGets: watch.causedByGets,
    dialsOfReaders: watch.ofReaders,
    linksOpened,
    linksOpenedIdle,
    gets: gets.map(({ reader, key, ms, found }) => ({
      ms,
      found,
      directMs: oracle.roundTripMs(reader.id, owners.get(key)!),
      greedyMs: oracle.greedy(reader.id, key).ms,
      dialingMs: oracle.dialing(reader.id, key),
    })),
    links: nodes.map((node) => node.inspect().links.length),
    hops: hops.filter((count) => !Number.isNaN(count)),
  }
}

async function recallOf(swarm: Swarm, keys: readonly Id[], k: number, oracle: Oracle): Promise<number> {
  const held = await heldKeys(swarm)
  let found = 0
  for (const key of keys) {
    for (const id of oracle.closest(key, k)) if (held.get(idKey(id))?.has(idToHex(key))) found++
  }
  return found / (keys.length * k)
}

/** Key ids, in hex, of all records that each living node stores, by `idKey` of the node. */
export async function heldKeys(swarm: Swarm): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const held = new Map<string, ReadonlySet<string>>()
  for (const { node, ports, state } of swarm.members) {
    if (state !== 'up') continue
    const slots = await ports.records.scan()
    held.set(idKey(node.id), new Set(slots.map(([slot]) => slot.slice(1, 41))))
  }
  return held
}

/** The `count` living nodes closest to a key. */
export function closestNodes(swarm: Swarm, key: Id, count: number): KadNode[] {
  return swarm.nodes.sort((a, b) => compareDistances(key, a.id, b.id)).slice(0, count)
}
