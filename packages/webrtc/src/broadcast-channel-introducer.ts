/**
 * Tabs of one origin introduce each other over a BroadcastChannel, with no server at all.
 *
 * A newcomer says `hello` to all; some answer `here`; from then on `signal`s go through the channel. A hundred
 * tabs must not all answer, and background tabs may not wait (their timers run once a second), so each one decides
 * on the spot: it answers with a probability that falls with the number of tabs it thinks there are, and that rises
 * when the newcomer has to ask again; the last time all answer. Any page of the origin may be hostile: what comes in is checked.
 */
import { equalIds, type Id, idBytes, idFromBytes, idKey } from '@kadrtc/kademlia'
import {
  type Clock,
  type Identity,
  type Introducer,
  type IntroducerEvents,
  type IntroducerSession,
  KadrtcError,
  type Random,
  randomFraction,
  type Timer,
} from '@kadrtc/node'
import { signalBytesMax } from '@kadrtc/wire'
import { systemClock, systemRandom } from './platform.js'

export interface BroadcastChannelIntroducerOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** Where the platform's is missing. */
  readonly BroadcastChannel?: typeof BroadcastChannel
  /** Between two hellos that nobody answered. Three go out before this tab thinks it is alone. */
  readonly helloEveryMs?: number
  /** How long answers are gathered after the first one. */
  readonly gatherMs?: number
}

type Message =
  | { readonly kind: 'hello'; readonly from: Id; readonly attempt: number }
  /** `tabs` is how many the sender thinks there are. */
  | { readonly kind: 'here'; readonly from: Id; readonly to: Id; readonly tabs: number }
  | { readonly kind: 'signal'; readonly from: Id; readonly to: Id; readonly bytes: Uint8Array }

const hellos = 3
/** Answers that a newcomer should get, about. */
const answersWanted = 4
/** Each time a newcomer has to ask again, answers are this much likelier. */
const attemptFactor = 4
/** Tabs remembered, for the guess of how many there are; the one heard of longest ago is forgotten first. */
const knownTabsMax = 256
/** Peers handed over in one welcome. */
const welcomePeersMax = 16
/** Hellos answered per second: a page that floods the channel gets no flood back. */
const answersPerSecondMax = 50

export function broadcastChannelIntroducer(options: BroadcastChannelIntroducerOptions = {}): Introducer {
  return {
    name: 'tabs of this origin',
    open: (identity, network, events) => new Session(identity, network, events, options),
  }
}

class Session implements IntroducerSession {
  #channel: BroadcastChannel | undefined
  #timer: Timer | undefined
  #closed = false
  #answers = 0
  #answersSinceMs = 0
  /** Peers that answered the hello that is out; undefined when none is. */
  #gathering: Map<string, Id> | undefined
  /** Keys of tabs heard of, oldest first; bounded by `knownTabsMax`. */
  readonly #known = new Set<string>()
  /** The latest word of others on how many there are: who came last has heard of few. */
  #tabsToldOf = 0
  readonly #clock: Clock
  readonly #random: Random

  constructor(
    private readonly identity: Identity,
    private readonly network: string,
    private readonly events: IntroducerEvents,
    private readonly options: BroadcastChannelIntroducerOptions,
  ) {
    this.#clock = options.clock ?? systemClock()
    this.#random = options.random ?? systemRandom()
  }

  connect(): void {
    if (this.#closed || this.#gathering) return
    if (!this.#channel) this.#openChannel()
    if (!this.#channel) return
    this.#gathering = new Map()
    this.#hello(0)
  }

  send(to: Id, signal: Uint8Array): boolean {
    // Cloning a view clones the whole buffer under it.
    return this.#post({
      kind: 'signal',
      from: this.identity.id,
      to: idFromBytes(to),
      bytes: Uint8Array.from(signal),
    })
  }

  /** A tab goes on answering hellos: it costs next to nothing, and may be all that a newcomer finds. */
  joined(): void {}

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#gathering = undefined
    if (this.#channel) {
      this.#channel.onmessage = null
      this.#channel.close()
      this.#channel = undefined
    }
  }

  #openChannel(): void {
    const Channel = this.options.BroadcastChannel ?? globalThis.BroadcastChannel
    try {
      this.#channel = new Channel(`kadrtc:${this.network}`)
      this.#channel.onmessage = (event) => this.#receive(event.data)
    } catch (cause) {
      // An opaque origin, or a browser without one. `connect` promises an event after it, not during it.
      this.#timer = this.#clock.setTimer(0, () =>
        this.events.onDown(new KadrtcError('SERVER_UNREACHABLE', 'no BroadcastChannel here', { cause })),
      )
    }
  }

  #hello(attempt: number): void {
    if (attempt === hellos) return this.#welcome()
    this.#arm(this.options.helloEveryMs ?? 35, () => this.#hello(attempt + 1))
    this.#post({ kind: 'hello', from: this.identity.id, attempt })
  }

  #welcome(): void {
    const peers = [...(this.#gathering?.values() ?? [])]
    this.#gathering = undefined
    this.events.onWelcome(peers)
  }

  #arm(delayMs: number, fire: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.setTimer(delayMs, fire)
  }

  #receive(data: unknown): void {
    const message = parse(data)
    if (!message || equalIds(message.from, this.identity.id)) return
    this.#remember(message.from)
    switch (message.kind) {
      case 'hello':
        if (this.#mayAnswer(message.attempt)) {
          this.#post({ kind: 'here', from: this.identity.id, to: message.from, tabs: this.#tabs })
        }
        return
      case 'here':
        this.#tabsToldOf = message.tabs
        if (equalIds(message.to, this.identity.id)) this.#gather(message.from)
        return
      case 'signal':
        if (equalIds(message.to, this.identity.id)) this.events.onSignal(message.from, message.bytes)
        return
      default:
        return message satisfies never
    }
  }

  #gather(peer: Id): void {
    const gathering = this.#gathering
    if (!gathering || gathering.size >= welcomePeersMax) return
    gathering.set(idKey(peer), peer)
    if (gathering.size === 1) this.#arm(this.options.gatherMs ?? 10, () => this.#welcome())
  }

  #mayAnswer(attempt: number): boolean {
    const now = this.#clock.now()
    if (Math.abs(now - this.#answersSinceMs) > 1_000) {
      this.#answersSinceMs = now
      this.#answers = 0
    }
    if (++this.#answers > answersPerSecondMax) return false
    if (attempt === hellos - 1) return true
    const wanted = answersWanted * attemptFactor ** attempt
    return randomFraction(this.#random) * this.#tabs < wanted
  }

  get #tabs(): number {
    return Math.max(this.#known.size, this.#tabsToldOf)
  }

  #remember(tab: Id): void {
    const key = idKey(tab)
    this.#known.delete(key)
    this.#known.add(key)
    if (this.#known.size <= knownTabsMax) return
    const oldest = this.#known.keys().next()
    if (!oldest.done) this.#known.delete(oldest.value)
  }

  #post(message: Message): boolean {
    this.#channel?.postMessage(message)
    return this.#channel !== undefined
  }
}

/** A message with ids and sizes as they must be, or undefined. */
function parse(data: unknown): Message | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { kind, from, to, attempt, tabs, bytes } = data as Record<string, unknown>
  const sender = parseId(from)
  if (!sender) return undefined
  if (kind === 'hello') {
    return isCount(attempt, hellos - 1) ? { kind, from: sender, attempt } : undefined
  }
  const receiver = parseId(to)
  if (!receiver) return undefined
  if (kind === 'here') {
    return isCount(tabs, knownTabsMax) ? { kind, from: sender, to: receiver, tabs } : undefined
  }
  if (kind === 'signal' && bytes instanceof Uint8Array && bytes.length <= signalBytesMax) {
    return { kind, from: sender, to: receiver, bytes }
  }
  return undefined
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
}

function parseId(value: unknown): Id | undefined {
  return value instanceof Uint8Array && value.length === idBytes ? idFromBytes(value) : undefined
}
