/**
 * A large network in little time. Growing one is true to life and costs some 700 messages a node, most of them for links that
 * the next doubling makes needless. Here nodes begin by the thousand, with the links that growth would have left them: to
 * their k nearest, and in each farther bucket to the best of some nodes met by chance. From then on it is the
 * node's own code that keeps, replaces and releases links. How much a laid network resembles a grown one is a test
 * (experiments-lay.test.ts), and in figures in the README: a laid one is better.
 */
import { commonPrefixLength, compareDistances, type Id, idBits, idBytes, idKey } from '@kadrtc/kademlia'
import { linksWantedInto } from '@kadrtc/node'
import { Oracle } from '../oracle.js'
import type { VirtualTransport } from '../virtual-transport.js'
import { emptySwarm, type GrowOptions, growSwarm, type Swarm } from './grow.js'

/**
 * Of each farther bucket, met while the network grew, and twice as many as it has links at least. Among 10,000 laid nodes packets take as many
 * hops so as among grown ones, and gets 9 % less time, after ten minutes at rest.
 */
const metPerBucket = 6
/** So many nodes begin within a millisecond: their timers are not to fire together. */
const beginAtOnce = 10

/** All begin within a second or a few. Who begins asks around for some seconds, which takes memory while it lasts. */
export async function laySwarm(options: GrowOptions): Promise<Swarm> {
  const swarm = emptySwarm(options)
  const layer = new Layer(swarm)
  const started = Array.from({ length: options.nodes }, () => {
    const { member, started } = swarm.add()
    layer.begins(member.ports.transport as VirtualTransport)
    return started
  })
  const ids = swarm.nodes.map(({ id }) => id)
  const links = laidLinks(swarm, ids)
  for (const [index, id] of ids.entries()) {
    for (const peer of links(id)) layer.lay(id, peer)
    if (index % beginAtOnce === beginAtOnce - 1) await swarm.clock.advance(1)
    tell(options, index + 1, swarm)
  }
  await swarm.run(Promise.all(started))
  await swarm.clock.advance(options.settleMs ?? 120_000)
  return swarm
}

/** In ms. For some ten seconds after it has begun a node takes a quarter more memory than later. */
const beginEveryMs = 2

/**
 * For networks that do not fit into the memory while all of their nodes begin. They begin one after the other, in the order of
 * their ids: so each has its nearest within a few hundredths of a second, and hardly makes a link that is needless later. A link
 * stands when the later of its two nodes begins.
 */
export async function laySwarmInOrder(options: GrowOptions): Promise<Swarm> {
  const swarm = emptySwarm(options)
  const layer = new Layer(swarm)
  const zero = new Uint8Array(idBytes) as Id
  const identities = Array.from({ length: options.nodes }, (_, index) => swarm.drawIdentity(index))
  identities.sort((a, b) => compareDistances(zero, a.id, b.id))
  const ids = identities.map(({ id }) => id)
  const started: Promise<unknown>[] = []
  let links: ((id: Id) => Iterable<Id>) | undefined
  for (const identity of identities) {
    const { member, started: start } = swarm.add({}, identity)
    started.push(start)
    layer.begins(member.ports.transport as VirtualTransport)
    links ??= laidLinks(swarm, ids)
    for (const peer of [...layer.waitingFor(identity.id), ...links(identity.id)]) layer.lay(identity.id, peer)
    await swarm.clock.advance(beginEveryMs)
    tell(options, started.length, swarm)
  }
  await swarm.run(Promise.all(started))
  await swarm.clock.advance(options.settleMs ?? 120_000)
  return swarm
}

/** Lays links between nodes that have begun; those to nodes that have not wait for them. */
class Layer {
  readonly #transports = new Map<string, VirtualTransport>()
  readonly #waiting = new Map<string, Id[]>()

  constructor(readonly swarm: Swarm) {}

  begins(transport: VirtualTransport): void {
    this.#transports.set(idKey(transport.identity.id), transport)
  }

  /** Who is to be linked to a node that begins now. Told once. */
  waitingFor(id: Id): readonly Id[] {
    const waiting = this.#waiting.get(idKey(id)) ?? []
    this.#waiting.delete(idKey(id))
    return waiting
  }

  /** `a` has begun. */
  lay(a: Id, b: Id): void {
    const [from, to] = [this.#transports.get(idKey(a))!, this.#transports.get(idKey(b))]
    if (!to) this.#waiting.set(idKey(b), [...(this.#waiting.get(idKey(b)) ?? []), a])
    else if (!from.isLinkedTo(b) && !to.isLinkedTo(a)) {
      const dialId = this.swarm.network.newDialId()
      to.agree(a, dialId)
      this.swarm.network.open(from, b, dialId)
    }
  }
}

/** Gives the peers that a node would have links to, had the network grown. */
function laidLinks(swarm: Swarm, ids: readonly Id[]): (id: Id) => Iterable<Id> {
  const random = swarm.random.fork('laying')
  const { k, linksPerBucket } = swarm.nodes[0]!.settings
  const oracle = new Oracle({
    ids,
    latencyMs: (from, to) => swarm.network.latencyMs(from, to),
    random,
    k,
    linksPerBucket,
    alpha: 1,
    dialRoundTrips: 0,
  })
  return function* (id) {
    const siblings = oracle.closest(id, k + 1).filter((other) => other !== id)
    const farthest = siblings.at(-1)
    yield* siblings
    const farBuckets = siblings.length < k || !farthest ? 0 : commonPrefixLength(id, farthest)
    for (let prefix = 0; prefix < farBuckets; prefix++) {
      const bucket = idBits - 1 - prefix
      const count = Math.max(metPerBucket, 2 * linksWantedInto(bucket, linksPerBucket))
      yield* oracle.linksInto(id, bucket, oracle.inBucket(id, prefix, count, random))
    }
  }
}

function tell({ nodes, onProgress }: GrowOptions, begun: number, swarm: Swarm): void {
  if (begun % 500 === 0 || begun === nodes) onProgress?.(begun, swarm)
}

/** Beyond this many nodes growing takes minutes, and more with every node. */
const grownMost = 2_000

/** And beyond this many their nodes need more memory to begin at once than they need afterwards. */
const laidAtOnceMost = 10_000

/** A warm network: grown where that is quick, laid where it is not. */
export function warmSwarm(options: GrowOptions): Promise<Swarm> {
  if (options.nodes > laidAtOnceMost) return laySwarmInOrder(options)
  return options.nodes > grownMost ? laySwarm(options) : growSwarm(options)
}
