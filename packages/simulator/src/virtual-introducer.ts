/**
 * A model of the introduction server, and the `Introducer` by which nodes reach it. As the real one it welcomes a
 * newcomer with the nearest greeter it knows and some random ones, tells it of others that are joining while there are
 * too few greeters, relays signals, takes nodes that have joined into a bounded pool of greeters, and says goodbye to
 * the one that has greeted longest. It can be stopped and started again; it then knows nobody.
 */
import { compareDistances, type Id, idKey } from '@kadrtc/kademlia'
import {
  type Identity,
  type Introducer,
  type IntroducerEvents,
  type IntroducerSession,
  KadrtcError,
} from '@kadrtc/node'
import type { SeededRandom } from './seeded-random.js'
import type { VirtualClock } from './virtual-clock.js'

export interface IntroductionServerOptions {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  /** One way between any node and the server, in ms. */
  readonly latencyMs?: number
  /** Round trips until the welcome: TCP, TLS, the WebSocket upgrade, the proof of the key. */
  readonly connectRoundTrips?: number
  readonly greetersMax?: number
  readonly poolMax?: number
  readonly newcomersMax?: number
  /** Networks served. Default: every one. */
  readonly networks?: readonly string[]
  /** When the server finds that a crashed node is gone, in ms. */
  readonly lostAfterMs?: number
}

type SessionState = 'idle' | 'connecting' | 'connected' | 'closed'

export class VirtualIntroductionServer {
  readonly options: Required<Omit<IntroductionServerOptions, 'networks'>>
  readonly #networks: readonly string[] | undefined
  /** Sessions of each node that have not been closed; bounded by what nodes open. */
  readonly #opened = new Map<string, Set<Session>>()
  /** Connected nodes of each network; bounded by the number of simulated nodes. */
  readonly #connected = new Map<string, Map<string, Session>>()
  /** Greeters of each network, longest-serving first; bounded by `poolMax`. */
  readonly #pools = new Map<string, Session[]>()
  /** Nodes of each network that are joining, latest last; bounded by `newcomersMax`. */
  readonly #newcomers = new Map<string, Set<Session>>()
  #isRunning = true

  /** Signals handed on since the server was made. */
  signalsRelayed = 0

  constructor({ networks, ...options }: IntroductionServerOptions) {
    this.options = {
      latencyMs: 40,
      connectRoundTrips: 4,
      greetersMax: 8,
      poolMax: 32,
      newcomersMax: 64,
      lostAfterMs: 30_000,
      ...options,
    }
    this.#networks = networks
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Nodes that are connected now, over all networks. */
  get connections(): number {
    let sum = 0
    for (const sessions of this.#connected.values()) sum += sessions.size
    return sum
  }

  introducer(): Introducer {
    return {
      name: 'virtual introduction server',
      open: (identity, network, events) => {
        const session = new Session(this, identity, network, events)
        const key = idKey(identity.id)
        this.#opened.set(key, (this.#opened.get(key) ?? new Set()).add(session))
        return session
      },
    }
  }

  /** Every connection breaks, and none can be made until `start`. */
  stop(): void {
    this.#isRunning = false
    for (const sessions of this.#connected.values()) {
      for (const session of sessions.values()) session.fall(new KadrtcError('SERVER_UNREACHABLE', 'stopped'))
    }
    this.#connected.clear()
    this.#pools.clear()
    this.#newcomers.clear()
  }

  start(): void {
    this.#isRunning = true
  }

  /** The node is gone without a word: it hears nothing more, and is a greeter until the server misses it. */
  crash(id: Id): void {
    for (const session of this.#opened.get(idKey(id)) ?? []) {
      session.die()
      this.options.clock.setTimer(this.options.lostAfterMs, () => this.remove(session))
    }
    this.#opened.delete(idKey(id))
  }

  serves(network: string): boolean {
    return this.#networks?.includes(network) ?? true
  }

  /** A later connection of the same node replaces the one before. */
  register(session: Session): void {
    const sessions = this.#connected.get(session.network) ?? new Map<string, Session>()
    this.#connected.set(session.network, sessions)
    const earlier = sessions.get(idKey(session.id))
    if (earlier && earlier !== session) this.#sayGoodbye(earlier)
    sessions.set(idKey(session.id), session)
    const newcomers = this.#newcomers.get(session.network) ?? new Set<Session>()
    this.#newcomers.set(session.network, newcomers.add(session))
    const [oldest] = newcomers
    if (newcomers.size > this.options.newcomersMax && oldest) newcomers.delete(oldest)
  }

  /** The node nearest to `session` and random ones: greeters, and newcomers while there are too few of those. */
  greetersFor(session: Session): Id[] {
    const { random, greetersMax } = this.options
    const idsOf = (sessions: Iterable<Session>) =>
      Array.from(sessions, ({ id }) => id).filter((id) => id !== session.id)
    const greeters = idsOf(this.#pools.get(session.network) ?? [])
    const newcomers = greeters.length >= greetersMax ? [] : idsOf(this.#newcomers.get(session.network) ?? [])
    const [nearest] = [...greeters, ...newcomers].sort((a, b) => compareDistances(session.id, a, b))
    if (nearest === undefined) return []
    const isOther = (id: Id) => id !== nearest
    const others = random.sample(greeters.filter(isOther), greetersMax - 1)
    others.push(...random.sample(newcomers.filter(isOther), greetersMax - 1 - others.length))
    return [nearest, ...others]
  }

  relay(from: Session, to: Id, signal: Uint8Array): void {
    const target = this.#connected.get(from.network)?.get(idKey(to))
    if (!target || !this.#isConnected(from)) return
    this.signalsRelayed++
    target.hear(from.id, signal)
  }

  admit(session: Session): void {
    if (!this.#isConnected(session)) return
    this.#newcomers.get(session.network)?.delete(session)
    const pool = this.#pools.get(session.network) ?? []
    this.#pools.set(session.network, pool)
    if (pool.includes(session)) return
    pool.push(session)
    if (pool.length > this.options.poolMax) this.#sayGoodbye(pool[0]!)
  }

  /** The node has closed its session. */
  forget(session: Session): void {
    this.remove(session)
    const key = idKey(session.id)
    const sessions = this.#opened.get(key)
    if (sessions?.delete(session) && sessions.size === 0) this.#opened.delete(key)
  }

  remove(session: Session): void {
    const sessions = this.#connected.get(session.network)
    if (sessions?.get(idKey(session.id)) === session) sessions.delete(idKey(session.id))
    this.#newcomers.get(session.network)?.delete(session)
    const pool = this.#pools.get(session.network) ?? []
    if (pool.includes(session)) pool.splice(pool.indexOf(session), 1)
  }

  #isConnected(session: Session): boolean {
    return this.#connected.get(session.network)?.get(idKey(session.id)) === session
  }

  #sayGoodbye(session: Session): void {
    this.remove(session)
    session.fall()
  }
}

/** One node's connection to the server, and its place on it. Every event arrives one latency after its cause. */
class Session implements IntroducerSession {
  #state: SessionState = 'idle'
  /** Counts connections, so that news of an earlier one is not taken for news of this one. */
  #connection = 0

  constructor(
    private readonly server: VirtualIntroductionServer,
    private readonly identity: Identity,
    readonly network: string,
    private readonly events: IntroducerEvents,
  ) {}

  get id(): Id {
    return this.identity.id
  }

  connect(): void {
    const { latencyMs, connectRoundTrips } = this.server.options
    switch (this.#state) {
      case 'closed':
      case 'connecting':
        break
      case 'connected':
        this.#later(2 * latencyMs, () => this.#welcome())
        break
      case 'idle': {
        this.#state = 'connecting'
        this.#connection++
        const roundTrips = this.server.isRunning ? connectRoundTrips : 1
        this.#later(2 * roundTrips * latencyMs, () => this.#enter())
      }
    }
  }

  send(to: Id, signal: Uint8Array): boolean {
    if (this.#state !== 'connected') return false
    const copy = signal.slice()
    this.#later(this.server.options.latencyMs, () => this.server.relay(this, to, copy))
    return true
  }

  joined(): void {
    if (this.#state !== 'connected') return
    this.#later(this.server.options.latencyMs, () => this.server.admit(this))
  }

  close(): void {
    this.#state = 'closed'
    this.server.forget(this)
  }

  /** The node has died: the server does not know yet. */
  die(): void {
    this.#state = 'closed'
  }

  hear(from: Id, signal: Uint8Array): void {
    this.#later(this.server.options.latencyMs, () => this.events.onSignal(from, signal))
  }

  /** The server has let go of this node. */
  fall(error?: KadrtcError): void {
    this.#later(this.server.options.latencyMs, () => this.#down(error))
  }

  #enter(): void {
    if (!this.server.isRunning) this.#down(new KadrtcError('SERVER_UNREACHABLE', 'not running'))
    else if (!this.server.serves(this.network)) this.#down(new KadrtcError('WRONG_NETWORK', this.network))
    else {
      this.#state = 'connected'
      this.server.register(this)
      this.#welcome()
    }
  }

  #welcome(): void {
    this.events.onWelcome(this.server.greetersFor(this))
  }

  #down(error?: KadrtcError): void {
    this.#state = 'idle'
    this.events.onDown(error)
  }

  /** Does it then, if this connection still stands. */
  #later(delayMs: number, act: () => void): void {
    const connection = this.#connection
    this.server.options.clock.setTimer(delayMs, () => {
      if (this.#connection === connection && this.#state !== 'closed' && this.#state !== 'idle') act()
    })
  }
}
