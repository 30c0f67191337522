/**
 * The introduction server in virtual time, and the `Introducer` by which nodes reach it. Who greets, who is told of whom, who is
 * let go and when: that is decided by the very rules of the real server (`@kadrtc/wire/introduction-server`), which hears and
 * says the same messages; only sockets, clock and randomness are simulated. It can be stopped and started again; it then
 * knows nobody.
 *
 * Each node has an address of its own, unless `addressOf` says otherwise: so the limit of joins from one address meets only
 * a node that comes back again and again. Bandwidth is not simulated, so no reader is slow.
 */
import { type Id, idKey } from '@kadrtc/kademlia'
import type { Introducer } from '@kadrtc/node'
import { defaultLimits, type Limits, Reception } from '@kadrtc/wire/introduction-server'
import { type SessionServer, VirtualIntroducerSession } from './introducer-session.js'
import type { SeededRandom } from './seeded-random.js'
import { verifyStub } from './stub-identity.js'
import type { VirtualClock } from './virtual-clock.js'
import { type SocketEvents, VirtualSocket } from './virtual-socket.js'

export interface IntroductionServerOptions {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  /** One way between any node and the server, in ms. */
  readonly latencyMs?: number
  /** Round trips until the welcome: TCP, TLS, the WebSocket upgrade, the proof of the key. */
  readonly connectRoundTrips?: number
  /** As the real server's. Default: all of its defaults. */
  readonly limits?: Partial<Limits>
  /** Greeters of one network: short for `limits.greetersMax`. */
  readonly poolMax?: number
  /** Networks served. Default: every one. */
  readonly networks?: readonly string[]
  /** What a node's connections count under. Default: each node has an address of its own. */
  readonly addressOf?: (id: Id) => string
}

/** How often deadlines are checked, as on the real server. */
const tickMs = 1_000

export class VirtualIntroductionServer implements SessionServer {
  readonly clock: VirtualClock
  readonly #newReception: () => Reception
  readonly #way: { readonly latencyMs: number; readonly connectRoundTrips: number }
  readonly #addressOf: (id: Id) => string
  /** Sessions of each node that have not been closed; bounded by what nodes open. */
  readonly #opened = new Map<string, Set<VirtualIntroducerSession>>()
  #reception: Reception
  #isRunning = true
  #isTicking = false
  #startedAtMs: number
  /** By servers that have been stopped. */
  #relayedBefore = 0

  constructor(options: IntroductionServerOptions) {
    const { clock, random, networks, poolMax, latencyMs = 40, connectRoundTrips = 4 } = options
    const limits = { ...defaultLimits, ...options.limits }
    this.clock = clock
    this.#way = { latencyMs, connectRoundTrips }
    this.#addressOf = options.addressOf ?? idKey
    this.#newReception = () =>
      new Reception({
        limits: { ...limits, greetersMax: poolMax ?? limits.greetersMax },
        networks: networks && new Set(networks),
        iceServersJson: '',
        random,
        verify: verifyStub,
        now: () => clock.elapsedMs,
      })
    this.#startedAtMs = clock.elapsedMs
    this.#reception = this.#newReception()
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Sockets that are open now, over all networks. */
  get connections(): number {
    return this.#reception.clients
  }

  /** Signals handed on since this was made. */
  get signalsRelayed(): number {
    return this.#relayedBefore + this.#reception.counters.signalsRelayed
  }

  introducer(): Introducer {
    return {
      name: 'virtual introduction server',
      open: (identity, network, events) => {
        const session = new VirtualIntroducerSession(this, identity, network, events)
        const key = idKey(identity.id)
        this.#opened.set(key, (this.#opened.get(key) ?? new Set()).add(session))
        return session
      },
    }
  }

  /** Tells everybody and closes every connection; none can be made until `start`. */
  stop(): void {
    this.#isRunning = false
    this.#reception.shutDown()
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#startedAtMs = this.clock.elapsedMs
    this.#relayedBefore = this.signalsRelayed
    this.#reception = this.#newReception()
  }

  /** The node is gone without a word: it hears nothing more, and may be told to others until it has missed a ping. */
  crash(id: Id): void {
    for (const session of this.#opened.get(idKey(id)) ?? []) session.die()
    this.#opened.delete(idKey(id))
  }

  connect(id: Id, events: SocketEvents): VirtualSocket {
    const { clock } = this
    const address = this.#addressOf(id)
    return new VirtualSocket({ ...this.#way, clock, address, reception: () => this.#whileTicking() }, events)
  }

  shared(id: Id): Id {
    for (const session of this.#opened.get(idKey(id)) ?? []) return session.id
    return id
  }

  forget(session: VirtualIntroducerSession): void {
    const key = idKey(session.id)
    const sessions = this.#opened.get(key)
    if (sessions?.delete(session) && sessions.size === 0) this.#opened.delete(key)
  }

  /** Who is to be accepted now has deadlines. */
  #whileTicking(): Reception | undefined {
    if (!this.#isRunning) return undefined
    if (!this.#isTicking) this.#tickNext()
    return this.#reception
  }

  /** At whole seconds since the start, and only while somebody is connected: time passes faster without. */
  #tickNext(): void {
    this.#isTicking = true
    const sinceMs = (this.clock.elapsedMs - this.#startedAtMs) % tickMs
    this.clock.setTimer(tickMs - sinceMs, () => {
      this.#isTicking = false
      this.#reception.tick()
      if (this.#reception.clients > 0) this.#tickNext()
    })
  }
}
