/**
 * One end of a link in memory. What is sent leaves at the link's bandwidth, takes the latency between the two nodes
 * and arrives in order; a close is told to the other end behind the last message. A peer that falls silent is
 * noticed as a heartbeat would notice it, without the cost of simulating one: the network knows when an end
 * can no longer be heard, and the end then waits as long as a heartbeat would have.
 */
import type { Id } from '@kadrtc/kademlia'
import type { CloseReason, Link, Timer } from '@kadrtc/node'
import type { LinkOwner, Medium } from './virtual-medium.js'

type State =
  /** Made, and the news of it is on the way to this side. */
  | { readonly kind: 'opening' }
  | { readonly kind: 'open' }
  | { readonly kind: 'closed'; readonly reason: CloseReason }
  /** Its tab has died: it does nothing, and nobody is told. */
  | { readonly kind: 'dead' }

/** Shared by all links, since there may be millions. */
const opening: State = { kind: 'opening' }
const open: State = { kind: 'open' }
const dead: State = { kind: 'dead' }

/** Messages that wait, with their size. Made when the first one has to wait. */
class Backlog {
  readonly messages: Uint8Array[] = []
  bytes = 0

  push(message: Uint8Array): void {
    this.messages.push(message)
    this.bytes += message.length
  }
}

/** What few links need, and those not for long: made at the first need, so that the others take less memory. */
class Exceptions {
  drained: (() => void) | undefined
  /** Messages from before there was a handler, bounded by `earlyBytesMax`. */
  early: Backlog | undefined
  /** Messages sent while the way was cut, bounded by `queueBytesMax`: a reliable channel sends them again later. */
  held: Backlog | undefined
  drainTimer: Timer | undefined
  lost: { readonly atMs: number; readonly timer: Timer } | undefined
}

export class VirtualLink implements Link {
  rttMs: number | undefined
  /** Set by `between`, before anything else happens. */
  #other!: VirtualLink
  #state: State = opening
  #openedMs = Number.POSITIVE_INFINITY
  #receive: ((message: Uint8Array, link: Link) => void) | undefined
  #closed: ((reason: CloseReason, link: Link) => void) | undefined
  #departedMs = 0
  #arrivedMs = 0
  #exceptions: Exceptions | undefined

  constructor(
    private readonly owner: LinkOwner,
    readonly peer: Id,
    readonly connectionId: string,
  ) {}

  /** A link between two sides. The end given is open at once, the other when its side has heard of it. */
  static between(dialler: LinkOwner, peer: LinkOwner, connectionId: string): VirtualLink {
    const near = new VirtualLink(dialler, peer.identity.id, connectionId)
    const far = new VirtualLink(peer, dialler.identity.id, connectionId)
    near.#other = far
    far.#other = near
    near.rttMs = near.#latencyMs() + far.#latencyMs()
    far.rttMs = near.rttMs
    near.open()
    near.#carry(0, 0, () => peer.meet(far))
    return near
  }

  private get medium(): Medium {
    return this.owner.medium
  }

  /** The node at this end. */
  private get self(): Id {
    return this.#other.peer
  }

  get publicKey(): Uint8Array {
    return this.#other.owner.identity.publicKey
  }

  open(): void {
    this.#state = open
    this.#openedMs = this.medium.clock.elapsedMs
    this.reviewSilence()
  }

  /** Whether `later`, which the peer opened, left there before the peer had heard of this link. */
  isCrossedBy(later: VirtualLink): boolean {
    return this.#other.#openedMs >= later.#other.#openedMs
  }

  get bufferedBytes(): number {
    const { bytesPerSecond } = this.medium.limits
    const waitingMs = Math.max(0, this.#departedMs - this.medium.clock.elapsedMs)
    const heldBytes = this.#exceptions?.held?.bytes ?? 0
    return heldBytes + (waitingMs === 0 ? 0 : Math.round((waitingMs * bytesPerSecond) / 1000))
  }

  send(message: Uint8Array): boolean {
    const { limits } = this.medium
    if (message.length > limits.messageBytesMax) {
      throw new RangeError(`A message of ${message.length} bytes exceeds ${limits.messageBytesMax}`)
    }
    if (this.#state.kind !== 'open') return false
    const waiting = this.bufferedBytes
    if (waiting > 0 && waiting + message.length > limits.queueBytesMax) {
      this.#exceptional.drainTimer ??= this.owner.clock.setTimer(this.#drainDelayMs(), () => this.#drain())
      return false
    }
    this.#dispatch(message)
    return true
  }

  onMessage(handler: (message: Uint8Array, link: Link) => void): void {
    this.#receive = handler
    const early = this.#exceptions?.early
    if (!early) return
    this.#exceptional.early = undefined
    for (const message of early.messages)
      if (this.#state.kind === 'open' || this.#isEndedByPeer()) handler(message, this)
  }

  onClose(handler: (reason: CloseReason, link: Link) => void): void {
    if (this.#state.kind === 'closed') handler(this.#state.reason, this)
    else this.#closed = handler
  }

  onDrain(handler: () => void): void {
    this.#exceptional.drained = handler
  }

  close(reason: CloseReason = 'local'): void {
    if (this.#state.kind === 'closed' || this.#state.kind === 'dead') return
    const other = this.#other
    const isTold = !this.medium.isCut(this.self, this.peer)
    if (isTold) this.#carry(0, 0, () => other.owner.clock.whenAwake(() => other.#hearClose()))
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
    this.#state = dead
    // The other end lives on for a while, and must not keep what this one's node was made of.
    this.#receive = this.#closed = this.#exceptions = undefined
    this.#other.reviewSilence()
  }

  /** The tab at this end has fallen silent, or can be heard again. */
  reviewPeer(): void {
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
    if (spoken !== 'open' && spoken !== 'opening') return false
    return !this.#other.owner.clock.isSilent && !this.medium.isCut(this.peer, this.self)
  }

  #loseIn(delayMs: number): void {
    const atMs = this.medium.clock.elapsedMs + delayMs
    const exceptional = this.#exceptional
    if (exceptional.lost && exceptional.lost.atMs <= atMs) return
    this.#cancelLoss()
    exceptional.lost = { atMs, timer: this.owner.clock.setTimer(delayMs, () => this.close('lost')) }
  }

  #cancelLoss(): void {
    if (!this.#exceptions?.lost) return
    this.#exceptions.lost.timer.cancel()
    this.#exceptions.lost = undefined
  }

  /** Of `message` a copy is sent, as a real network makes one: senders use their buffers again. */
  #dispatch(message: Uint8Array): void {
    const { medium } = this
    if (medium.isCut(this.self, this.peer)) {
      this.#exceptional.held ??= new Backlog()
      this.#exceptional.held.push(message.slice())
      return
    }
    const { drop, delayMs, replay } = medium.faults
    if (drop || delayMs || replay) this.#dispatchAmongFaults(message.slice())
    else {
      const { length } = message
      const other = this.#other
      const kept = medium.inFlight.keep(message)
      this.#carry(length, 0, () => other.#arrive(medium.inFlight.take(kept, length)))
    }
  }

  #dispatchAmongFaults(bytes: Uint8Array): void {
    const { faults, clock } = this.medium
    const message = { from: this.self, to: this.peer, bytes }
    const dropped = faults.drop?.(message) ?? false
    const other = this.#other
    const delayMs = Math.max(0, faults.delayMs?.(message) ?? 0)
    const arrivesInMs = this.#carry(bytes.length, delayMs, () => {
      if (!dropped) other.#arrive(bytes)
    })
    const replayMs = dropped ? undefined : faults.replay?.(message)
    if (replayMs !== undefined) clock.setTimer(arrivesInMs + replayMs, () => other.#arrive(bytes.slice()))
  }

  #sendHeld(): void {
    const held = this.#exceptions?.held
    if (!held) return
    this.#exceptional.held = undefined
    for (const message of held.messages) this.#dispatch(message)
  }

  /** Brings something of `length` bytes to the other end, behind all that was sent before; says how long it takes. */
  #carry(length: number, delayMs: number, arrive: () => void): number {
    const { clock, limits } = this.medium
    const nowMs = clock.elapsedMs
    const onWireMs = length === 0 ? 0 : (length * 1000) / limits.bytesPerSecond
    this.#departedMs = Math.max(nowMs, this.#departedMs) + onWireMs
    this.#arrivedMs = Math.max(this.#departedMs + this.#latencyMs() + delayMs, this.#arrivedMs)
    const arrivesInMs = this.#arrivedMs - nowMs
    clock.setTimer(arrivesInMs, arrive)
    return arrivesInMs
  }

  /** Of a message to the other end. */
  #latencyMs(): number {
    const { medium } = this
    const latencyMs = medium.latencyMs(this.self, this.peer)
    return medium.hasSlowNodes ? latencyMs + this.#other.owner.slowMs : latencyMs
  }

  #arrive(message: Uint8Array): void {
    const { clock } = this.owner
    if (clock.isAwake) this.#take(message)
    else clock.whenAwake(() => this.#take(message))
  }

  #take(message: Uint8Array): void {
    if (this.#state !== open) return
    this.medium.note({ kind: 'message', from: this.peer, to: this.self, bytes: message })
    if (this.#receive) {
      this.#receive(message, this)
      return
    }
    this.#exceptional.early ??= new Backlog()
    const { early } = this.#exceptional
    early.push(message)
    if (early.bytes > this.medium.limits.earlyBytesMax) this.close('violation')
  }

  get #exceptional(): Exceptions {
    this.#exceptions ??= new Exceptions()
    return this.#exceptions
  }

  #hearClose(): void {
    if (this.#state === open) this.#end('remote')
  }

  #end(reason: CloseReason): void {
    const wasOpen = this.#state.kind === 'open'
    this.#state = { kind: 'closed', reason }
    this.#release()
    if (this.#exceptions && !this.#isEndedByPeer()) this.#exceptions.early = undefined
    if (wasOpen) this.medium.note({ kind: 'closed', from: this.self, to: this.peer, reason })
    this.owner.forgetLink(this)
    this.#closed?.(reason, this)
  }

  /** Then what the peer had said before may still be read. */
  #isEndedByPeer(): boolean {
    return this.#state.kind === 'closed' && this.#state.reason === 'remote'
  }

  #release(): void {
    this.#cancelLoss()
    if (!this.#exceptions) return
    this.#exceptions.drainTimer?.cancel()
    this.#exceptions.drainTimer = undefined
    this.#exceptions.held = undefined
  }

  /** Until half of the queue has left, or a while if it cannot leave. */
  #drainDelayMs(): number {
    const { bytesPerSecond, queueBytesMax } = this.medium.limits
    const excessBytes = this.bufferedBytes - queueBytesMax / 2
    return Math.max(1, this.#exceptions?.held ? 100 : (excessBytes * 1000) / bytesPerSecond)
  }

  #drain(): void {
    const exceptional = this.#exceptional
    exceptional.drainTimer = undefined
    if (this.bufferedBytes * 2 > this.medium.limits.queueBytesMax) {
      exceptional.drainTimer = this.owner.clock.setTimer(this.#drainDelayMs(), () => this.#drain())
    } else exceptional.drained?.()
  }
}
