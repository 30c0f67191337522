/**
 * A long life of a cluster under all faults at once, drawn from one seed, with puts, gets and deletes going on. What must always
 * hold is checked all along; what holds of a quiet network, after the faults have ended and it has had time to recover.
 *
 *     const report = await soak({ seed: 7, nodes: 40, minutes: 10 })
 *
 * A violation ends it with an Error that names each one, the seed, and the command that replays the run.
 */
import { authorIdOf, equalIds, idToHex, keyIdOf } from '@kadrtc/kademlia'
import { KadNode, KadrtcError, type Settings } from '@kadrtc/node'
import { Cluster, type Member } from './cluster.js'
import {
  keptRecords,
  linkBudgets,
  nearestLinks,
  replicas,
  requestBudgets,
  SequenceWatcher,
} from './invariants.js'
import { latencyPlane } from './latency-plane.js'
import type { SeededRandom } from './seeded-random.js'
import { SoakFaults } from './soak-faults.js'

export interface SoakOptions {
  readonly seed: string | number
  /** To begin with; their number wavers by a quarter. */
  readonly nodes: number
  /** Of virtual time, under faults. The quiet period comes on top. */
  readonly minutes: number
  readonly settings?: Partial<Settings>
  /** Also demand that in the end everybody reads the newest version of all that is kept. Default: false. */
  readonly readsBack?: boolean
  /** Told of all that is done, and of what came of it. */
  readonly observe?: (line: string) => void
}

export interface SoakReport {
  /** How often each fault was used, and each verb called and answered. */
  readonly counts: Readonly<Record<string, number>>
  readonly messages: number
  readonly digest: string
}

/**
 * Neighbourhoods small against the network, as in a large one. The backstops, hours apart by default, come round within the
 * quiet period.
 */
export const soakSettings: Partial<Settings> = {
  k: 8,
  linksMax: 40,
  digestIntervalMs: 300_000,
  reintroductionMs: 300_000,
}

/** Several rounds of the backstops. 30 soaks needed less than 15 minutes. */
const quietMs = 1_200_000
/** Of k, after the quiet period: nodes that cannot connect may not agree on who the last of the k is. */
const missingCopiesMax = 1
const keys = Array.from({ length: 12 }, (_, i) => `key ${i}`)
const violationsShown = 20

/** Rejects with an Error for people: what was violated, and how to see it again. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seed, nodes, minutes } = options
  try {
    return await new Soak(options).run()
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause)
    const replay = `npm run sim:soak -- --seed ${seed} --nodes ${nodes} --minutes ${minutes}`
    throw new Error(`Soak failed with seed ${seed}.\n${what}\nReplay: ${replay}`, { cause })
  }
}

class Soak {
  readonly #cluster: Cluster<KadNode>
  readonly #random: SeededRandom
  readonly #faults: SoakFaults
  readonly #watcher = new SequenceWatcher()
  /** Verbs whose outcome broke a law, until the next check. */
  readonly #violations: string[] = []
  /** Reader and key of gets and puts under way: one at a time, so that "seen before" has a meaning. */
  readonly #busy = new Set<string>()
  readonly #counts: Record<string, number> = {}

  constructor(readonly options: SoakOptions) {
    const settings = { ...soakSettings, ...options.settings }
    this.#cluster = new Cluster<KadNode>({
      seed: options.seed,
      createNode: (ports) => new KadNode({ ...ports, settings }),
      start: (node) => node.start({ allowAlone: true }),
      stop: (node) => node.close(),
      latency: (random) => latencyPlane(random, { jitter: 0.2 }),
      // Far fewer greeters than nodes, as in any large network.
      server: { poolMax: Math.ceil(options.nodes / 5) },
    })
    this.#random = this.#cluster.random.fork('soak')
    this.#faults = new SoakFaults(this.#cluster, options.nodes, {
      did: (fault, who) => this.#did(fault, who),
      failed: (what, error) => this.#onError(what, error),
    })
  }

  async run(): Promise<SoakReport> {
    const { clock, network, trace } = this.#cluster
    await this.#faults.populate()
    const endMs = clock.elapsedMs + this.options.minutes * 60_000
    for (let step = 0; clock.elapsedMs < endMs; step++) {
      await clock.advance(200 + this.#random.integer(2_800))
      this.#useVerb()
      if (this.#random.fraction() < 0.2) this.#faults.strike()
      if (step % 5 === 0) this.#demand(this.#alwaysTrue())
    }
    this.#faults.end()
    await clock.advance(quietMs)
    this.#demand([...this.#alwaysTrue(), ...nearestLinks(this.#cluster)])
    const floor = (this.#cluster.nodes[0]?.settings.k ?? 0) - missingCopiesMax
    this.#demand(await replicas(this.#cluster, { floor }))
    if (this.options.readsBack) this.#demand(await this.#readBack())
    return { counts: this.#counts, messages: network.counters.messages, digest: trace.digest() }
  }

  #alwaysTrue(): string[] {
    return [...this.#violations, ...linkBudgets(this.#cluster), ...requestBudgets(this.#cluster)]
  }

  #demand(violations: readonly string[]): void {
    if (violations.length === 0) return
    const shown = violations.slice(0, violationsShown)
    if (violations.length > shown.length) shown.push(`and ${violations.length - shown.length} more`)
    throw new Error(`After ${Math.round(this.#cluster.clock.elapsedMs / 1000)} s:\n${shown.join('\n')}`)
  }

  /** One of the nodes does something, and nobody waits for it. */
  #useVerb(): void {
    const member = this.#random.pick(this.#cluster.members.filter(({ state }) => state === 'up'))
    const key = this.#random.pick(keys)
    const reader = member.ports.random.seed
    const place = `${reader} ${key}`
    if (this.#busy.has(place)) return
    this.#busy.add(place)
    const chance = this.#random.fraction()
    const verb = chance < 0.25 ? 'put' : chance < 0.3 ? 'delete' : 'get'
    this.#did(verb, `${member.index} ${key}`)
    this.#call(verb, member, key, reader)
      .catch((error) => this.#onError(`${verb} of ${key} by node ${member.index}`, error))
      .finally(() => this.#busy.delete(place))
  }

  async #call(verb: 'put' | 'get' | 'delete', member: Member<KadNode>, key: string, reader: string) {
    const { records, id } = member.node
    const keyId = keyIdOf(key)
    const note = (author: string, seq: number) =>
      this.#violations.push(...this.#watcher.note(reader, key, author, seq))
    switch (verb) {
      case 'put': {
        const value = this.#random.bytes(this.#random.integer(200))
        note(idToHex(id), (await records.put(keyId, { value, format: 0 })).seq)
        break
      }
      case 'delete':
        note(idToHex(id), (await records.delete(keyId)).seq)
        break
      case 'get': {
        const found = await records.get(keyId)
        this.#did(found ? 'found' : 'found nothing', key)
        if (found) note(idToHex(authorIdOf(found)), found.seq)
      }
    }
  }

  /** What is kept can be read, by anybody, in its newest version. */
  async #readBack(): Promise<string[]> {
    const kept = await keptRecords(this.#cluster)
    const violations: string[] = []
    for (const record of kept.newest.values()) {
      if (record.kind !== 'signed' || record.deleted) continue
      const member = this.#random.pick(this.#cluster.members.filter(({ state }) => state === 'up'))
      const all = await this.#cluster.run(member.node.records.getAll(record.keyId))
      const author = authorIdOf(record)
      const found = all.find((one) => equalIds(authorIdOf(one), author))
      if (found && found.seq >= record.seq) continue
      const what = found ? `sequence number ${found.seq}` : 'nothing'
      violations.push(`Node ${member.index} read ${what} of ${idToHex(record.keyId)}, ${record.seq} is kept`)
    }
    return violations
  }

  /** Under faults a verb may fail, but only in the ways that are documented. */
  #onError(what: string, error: unknown): void {
    if (error instanceof KadrtcError) this.#did(error.code, what)
    else this.#violations.push(`${what} failed with what is no KadrtcError: ${String(error)}`)
  }

  #did(what: string, detail: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
    this.options.observe?.(`${(this.#cluster.clock.elapsedMs / 1000).toFixed(3)} ${what} ${detail}`)
  }
}
