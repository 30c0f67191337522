/**
 * A long life of a cluster under all faults at once, drawn from one seed, with apps that read, write and talk. What must always
 * hold is checked all along. Every two minutes the faults end for a while: what holds of a quiet network is checked then, and once
 * more, more strictly, after a long quiet time at the end.
 *
 *     const report = await soak({ seed: 7, nodes: 40, minutes: 10 })
 *
 * A violation ends it with an Error that names each one, the seed, and what replays the run.
 */
import { keyIdOf } from '@kadrtc/kademlia'
import { KadNode, type Settings } from '@kadrtc/node'
import { Cluster } from './cluster.js'
import { closest, nearestLinks } from './invariants/at-rest.js'
import { atEveryMoment } from './invariants/every-moment.js'
import { HandledOnce } from './invariants/handled-once.js'
import { keptRecords, replicas } from './invariants/replicas.js'
import { latencyPlane } from './latency-plane.js'
import type { SeededRandom } from './seeded-random.js'
import { SoakApps } from './soak-apps.js'
import { SoakFaults } from './soak-faults.js'

export interface SoakOptions {
  readonly seed: string | number
  /** To begin with; their number wavers by a quarter. */
  readonly nodes: number
  /** Of virtual time, under faults. The quiet times come on top. */
  readonly minutes: number
  readonly settings?: Partial<Settings>
  /** Told of all that is done, and of what came of it. */
  readonly observe?: (line: string) => void
}

export interface SoakReport {
  /** How often each fault was used, each verb called and answered, and each invariant had something to look at. */
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

/** Faults go on for so long, and end for so long: then everything that follows events has been repaired, if by no backstop. */
const stretchMs = 120_000
const lullMs = 120_000
/** Of k, in a lull: what a tenth that crashed at once, and the crashes before it, may have left, and repair must have brought back. */
const lullMissingMax = 3
/** Several rounds of the backstops. 30 soaks needed less than 15 minutes. */
const quietMs = 1_200_000
/** Of k, after the quiet period: nodes that cannot connect may not agree on who the last of the k is. */
const missingCopiesMax = 1
const strikesPerStep = 0.3
const settlesMs = 15_000
const [targetsLookedUp, askersEach] = [3, 4]
const violationsShown = 20

/** Rejects with an Error for people: what was violated, and how to see it again. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  try {
    return await new Soak(options).run()
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`Soak failed with seed ${options.seed}.\n${what}\nReplay: ${replayOf(options)}`, {
      cause,
    })
  }
}

/** The command that gives the same run; where it has no word for an option, the call. */
function replayOf({ seed, nodes, minutes, settings }: SoakOptions): string {
  const same = { seed, nodes, minutes, settings }
  if (settings && Object.keys(settings).length > 0) return `await soak(${JSON.stringify(same)})`
  const text = String(seed)
  const quoted = /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
  return `npm run sim:soak -- --seed ${quoted} --nodes ${nodes} --minutes ${minutes}`
}

class Soak {
  readonly #cluster: Cluster<KadNode>
  readonly #random: SeededRandom
  readonly #faults: SoakFaults
  readonly #apps: SoakApps
  readonly #once = new HandledOnce()
  /** Verbs whose outcome broke a law. */
  readonly #violations: string[] = []
  readonly #counts: Record<string, number> = {}
  #step = 0

  constructor(readonly options: SoakOptions) {
    const settings = { ...soakSettings, ...options.settings }
    this.#cluster = new Cluster<KadNode>({
      seed: options.seed,
      createNode: (ports, index) => {
        const name = `Node ${index}`
        const node = new KadNode({ ...this.#once.watch(ports, name), settings })
        node.on('channel', (channel) => this.#once.watchMessages(channel, name))
        return node
      },
      start: (node) => node.start({ allowAlone: true }),
      stop: (node) => node.close(),
      latency: (random) => latencyPlane(random, { jitter: 0.2 }),
      // Far fewer greeters than nodes, as in any large network.
      server: { poolMax: Math.ceil(options.nodes / 5) },
    })
    this.#random = this.#cluster.random.fork('soak')
    this.#apps = new SoakApps(this.#cluster, this.#cluster.random.fork('soak apps'), {
      did: (what, detail) => this.#did(what, detail),
      violated: (what) => this.#violations.push(what),
    })
    this.#faults = new SoakFaults(this.#cluster, options.nodes, {
      did: (fault, who) => this.#did(fault, who),
      failed: (what, error) => this.#apps.failed(what, error),
    })
  }

  async run(): Promise<SoakReport> {
    const { network, trace, clock } = this.#cluster
    await this.#faults.populate()
    for (let leftMs = this.options.minutes * 60_000; leftMs > 0; leftMs -= stretchMs) {
      if (leftMs < this.options.minutes * 60_000) await this.#lull()
      await this.#live(Math.min(leftMs, stretchMs), () => {
        if (this.#random.fraction() < strikesPerStep) this.#faults.strike()
      })
    }
    this.#faults.end()
    await clock.advance(quietMs)
    await this.#demandRest(missingCopiesMax)
    this.#demand(nearestLinks(this.#cluster))
    this.#demand(await this.#apps.readBack((await keptRecords(this.#cluster)).newest))
    Object.assign(this.#counts, this.#once.watched)
    return { counts: this.#counts, messages: network.counters.messages, digest: trace.digest() }
  }

  /** Apps live, and `disturb` is called at each of their steps. */
  async #live(forMs: number, disturb: () => void): Promise<void> {
    const { clock } = this.#cluster
    const endMs = clock.elapsedMs + forMs
    while (clock.elapsedMs < endMs) {
      await clock.advance(200 + this.#random.integer(2_800))
      this.#apps.act()
      disturb()
      if (this.#step++ % 5 === 0) await this.#demandAlways()
    }
  }

  /** No faults for a while, and apps go on: what repair owes a quiet network it has to have done by the end. */
  async #lull(): Promise<void> {
    this.#did('lull', '')
    this.#faults.end()
    await this.#live(lullMs, () => {})
    await this.#demandRest(lullMissingMax)
  }

  async #demandAlways(): Promise<void> {
    this.#demand([
      ...this.#violations,
      ...this.#once.violations,
      ...atEveryMoment(this.#cluster),
      ...(await this.#apps.ledger.check()),
    ])
  }

  /** Of a quiet network: enough copies of all records, and lookups that find whom they should. */
  async #demandRest(copiesMissing: number): Promise<void> {
    await this.#demandAlways()
    const cluster = this.#cluster
    const k = cluster.nodes[0]?.settings.k ?? 0
    const { isOutdated } = this.#apps.ledger
    this.#demand(await this.#lastingly(() => replicas(cluster, { floor: k - copiesMissing, isOutdated })))
    const up = cluster.members.filter(({ state }) => state === 'up')
    const targets = Array.from({ length: targetsLookedUp }, () => keyIdOf(String(this.#random.uint32())))
    this.#demand(await closest(cluster, { targets, askers: this.#random.sample(up, askersEach) }))
  }

  /** What a check finds and finds again a while later: a record that is just being put again is on few nodes yet, and soon on all. */
  async #lastingly(check: () => Promise<string[]>): Promise<string[]> {
    const subject = (violation: string) => violation.split(' is ')[0]
    const first = new Set((await check()).map(subject))
    if (first.size === 0) return []
    await this.#cluster.clock.advance(settlesMs)
    return (await check()).filter((violation) => first.has(subject(violation)))
  }

  #demand(violations: readonly string[]): void {
    if (violations.length === 0) return
    const shown = violations.slice(0, violationsShown)
    if (violations.length > shown.length) shown.push(`and ${violations.length - shown.length} more`)
    throw new Error(`After ${Math.round(this.#cluster.clock.elapsedMs / 1000)} s:\n${shown.join('\n')}`)
  }

  #did(what: string, detail: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
    this.options.observe?.(`${(this.#cluster.clock.elapsedMs / 1000).toFixed(3)} ${what} ${detail}`)
  }
}
