/**
 * One end of a link in memory. What is sent leaves at the link's bandwidth, takes the latency between the two nodes
 * and arrives in order; a close is told to the other end behind the last message. A peer that falls silent is
 * noticed as a heartbeat would notice it, without the cost of simulating one: the network knows when an end
 * can no longer be heard, and the end then waits as long as a heartbeat would have.
 */
import type { Id } from '@kadrtc/kademlia'
import type { CloseReason, Link, Timer } from '@kadrtc/node'
import type { NetworkEvent, NetworkFaults } from './faults.js'
import type { VirtualClock } from './virtual-clock.js'

export interface LinkLimits {
  /** A longer message is a bug of the sender, and throws. */
  readonly messageBytesMax: number
  /** `send` refuses once this much waits, unless nothing waits. */
  readonly queueBytesMax: number
  /** Messages kept until `onMessage` is called; past that the link ends as a 'violation'. */
  readonly earlyBytesMax: number
  /** Of each direction of each link. Infinity: nothing ever waits. */
  readonly bytesPerSecond: number
  /** Silence after which an idle link is lost. */
  readonly lostAfterMs: number
  /** Silence after which a probed link is lost. */
  readonly probeMs: number
}

/** What a link asks of its network. */
export interface Medium {
  readonly clock: VirtualClock
  readonly limits: LinkLimits
  readonly faults: NetworkFaults
  latencyMs(from: Id, to: Id): number
  isCut(from: Id, to: Id): boolean
  note(event: NetworkEvent): void
}

type State =
  /** Made, and the news of it is on the way to this side. */
  | { readonly kind: 'opening' }
  | { readonly kind: 'open' }
  | { readonly kind: 'closed'; readonly reason: CloseReason }
  /** Its tab has died: it does nothing, and nobody is told. */
  | { readonly kind: 'dead' }

export class VirtualLink implements Link {
  rttMs: number | undefined
  /** Set by `join`, before anything else happens. */
  #other!: VirtualLink
  #state: State = { kind: 'opening' }
  /** When the dialling side opened the link, and when this side did. */
  #dialledMs = 0
  #openedMs = Number.POSITIVE_INFINITY
  #receive: ((message: Uint8Array) => void) | undefined
  #closed: ((reason: CloseReason) => void) | undefined
  #drained: (() => void) | undefined
  #early: Uint8Array[] = []
  #earlyBytes = 0
  /** Messages sent while the way was cut, bounded by `queueBytesMax`: a reliable channel sends them again later. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #departedMs = 0
  #arrivedMs = 0
  #drainTimer: Timer | undefined
  #lost: { readonly atMs: number; readonly timer: Timer } | undefined

  constructor(
    private readonly medium: Medium,
    readonly self: Id,
    readonly peer: Id,
    readonly publicKey: Uint8Array,
    readonly connectionId: string,
    /** Told first when this end closes. */
    private readonly onEnd: (link: VirtualLink) => void,
  ) {}

  /** Makes `near` and `far` the two ends of one link. `near` is open at once, `far` when its side has heard of it. */
  static join(near: VirtualLink, far: VirtualLink, heard: () => void): void {
    near.#other = far
    far.#other = near
    const { medium } = near
    near.rttMs = medium.latencyMs(near.self, near.peer) + medium.latencyMs(near.peer, near.self)
    far.rttMs = near.rttMs
    near.#dialledMs = medium.clock.elapsedMs
    far.#dialledMs = near.#dialledMs
    near.open()
    near.#carry(0, heard)
  }

  open(): void {
    this.#state = { kind: 'open' }
    this.#openedMs = this.medium.clock.elapsedMs
    this.reviewSilence()
  }

  /** Whether `later`, which the peer opened, left there before the peer had heard of this link. */
  isCrossedBy(later: VirtualLink): boolean {
    return this.#other.#openedMs >= later.#dialledMs
  }

  get bufferedBytes(): number {
    const { bytesPerSecond } = this.medium.limits
    const waitingMs = Math.max(0, this.#departedMs - this.medium.clock.elapsedMs)
    return this.#heldBytes + (waitingMs === 0 ? 0 : Math.round((waitingMs * bytesPerSecond) / 1000))
  }

  send(message: Uint8Array): boolean {
    const { limits, clock } = this.medium
    if (message.length > limits.messageBytesMax) {
      throw new RangeError(`A message of ${message.length} bytes exceeds ${limits.messageBytesMax}`)
    }
    if (this.#state.kind !== 'open') return false
    const waiting = this.bufferedBytes
    if (waiting > 0 && waiting + message.length > limits.queueBytesMax) {
      this.#drainTimer ??= clock.setTimer(this.#drainDelayMs(), () => this.#drain())
      return false
    }
    // A copy, as a real network makes one: senders use their buffers again.
    this.#dispatch(message.slice())
    return true
  }

  onMessage(handler: (message: Uint8Array) => void): void {
    this.#receive = handler
    const early = this.#early
    this.#early = []
    this.#earlyBytes = 0
    for (const message of early) if (this.#state.kind === 'open' || this.#isEndedByPeer()) handler(message)
  }

  onClose(handler: (reason: CloseReason) => void): void {
    if (this.#state.kind === 'closed') handler(this.#state.reason)
    else this.#closed = handler
  }

  onDrain(handler: () => void): void {
    this.#drained = handler
  }

  close(reason: CloseReason = 'local'): void {
    if (this.#state.kind === 'closed' || this.#state.kind === 'dead') return
    const other = this.#other
    const isTold = !this.medium.isCut(this.self, this.peer)
    if (isTold) this.#carry(0, () => other.#arriveClose())
    this.#end(reason)
    if (!isTold) other.reviewSilence()
  }

  probe(): void {
    if (this.#state.kind !== 'open') return
    const unanswered = !this.#hears() || this.medium.isCut(this.self, this.peer)
    if (unanswered) this.#loseIn(this.medium.limits.probeMs)
  }

  /** The tab at this end dies without a word. */
  die(): void {
    this.#release()
    this.#state = { kind: 'dead' }
    this.#early = []
    this.#other.reviewSilence()
  }

  /** To be called whenever the peer may have become silent, or may be heard again. */
  reviewSilence(): void {
    if (this.#state.kind !== 'open') return
    if (!this.medium.isCut(this.self, this.peer)) this.#sendHeld()
    if (!this.#hears()) this.#loseIn(this.medium.limits.lostAfterMs)
    else this.#cancelLoss()
  }

  #hears(): boolean {
    const spoken = this.#other.#state.kind
    return (spoken === 'open' || spoken === 'opening') && !this.medium.isCut(this.peer, this.self)
  }

  #loseIn(delayMs: number): void {
    const atMs = this.medium.clock.elapsedMs + delayMs
    if (this.#lost && this.#lost.atMs <= atMs) return
    this.#cancelLoss()
    this.#lost = { atMs, timer: this.medium.clock.setTimer(delayMs, () => this.close('lost')) }
  }

  #cancelLoss(): void {
    this.#lost?.timer.cancel()
    this.#lost = undefined
  }

  #dispatch(message: Uint8Array): void {
    if (this.medium.isCut(this.self, this.peer)) {
      this.#held.push(message)
      this.#heldBytes += message.length
      return
    }
    const dropped = this.medium.faults.drop?.({ from: this.self, to: this.peer, bytes: message }) ?? false
    const other = this.#other
    this.#carry(message.length, () => {
      if (!dropped) other.#arrive(message)
    })
  }

  #sendHeld(): void {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    for (const message of held) this.#dispatch(message)
  }

  /** Brings something of `length` bytes to the other end, behind all that was sent before. */
  #carry(length: number, arrive: () => void): void {
    const { clock, limits } = this.medium
    const nowMs = clock.elapsedMs
    const onWireMs = length === 0 ? 0 : (length * 1000) / limits.bytesPerSecond
    this.#departedMs = Math.max(nowMs, this.#departedMs) + onWireMs
    const latencyMs = this.medium.latencyMs(this.self, this.peer)
    this.#arrivedMs = Math.max(this.#departedMs + latencyMs, this.#arrivedMs)
    clock.setTimer(this.#arrivedMs - nowMs, arrive)
  }

  #arrive(message: Uint8Array): void {
    if (this.#state.kind !== 'open') return
    this.medium.note({ kind: 'message', from: this.peer, to: this.self, bytes: message })
    if (this.#receive) {
      this.#receive(message)
      return
    }
    this.#early.push(message)
    this.#earlyBytes += message.length
    if (this.#earlyBytes > this.medium.limits.earlyBytesMax) this.close('violation')
  }

  #arriveClose(): void {
    if (this.#state.kind === 'open') this.#end('remote')
  }

  #end(reason: CloseReason): void {
    const wasOpen = this.#state.kind === 'open'
    this.#state = { kind: 'closed', reason }
    this.#release()
    if (!this.#isEndedByPeer()) this.#early = []
    if (wasOpen) this.medium.note({ kind: 'closed', from: this.self, to: this.peer, reason })
    this.onEnd(this)
    this.#closed?.(reason)
  }

  /** Then what the peer had said before may still be read. */
  #isEndedByPeer(): boolean {
    return this.#state.kind === 'closed' && this.#state.reason === 'remote'
  }

  #release(): void {
    this.#cancelLoss()
    this.#drainTimer?.cancel()
    this.#drainTimer = undefined
    this.#held = []
    this.#heldBytes = 0
  }

  /** Until half of the queue has left, or a while if it cannot leave. */
  #drainDelayMs(): number {
    const { bytesPerSecond, queueBytesMax } = this.medium.limits
    const excessBytes = this.bufferedBytes - queueBytesMax / 2
    return Math.max(1, this.#heldBytes > 0 ? 100 : (excessBytes * 1000) / bytesPerSecond)
  }

  #drain(): void {
    this.#drainTimer = undefined
    if (this.bufferedBytes * 2 > this.medium.limits.queueBytesMax) {
      this.#drainTimer = this.medium.clock.setTimer(this.#drainDelayMs(), () => this.#drain())
    } else this.#drained?.()
  }
}
