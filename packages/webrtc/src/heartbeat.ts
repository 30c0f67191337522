/**
 * Tells whether the other end of a link is alive, and how far away it is. Traffic of any kind counts as life;
 * only a silent link is pinged. A link is lost when several pings in a row went unanswered while our own event
 * loop was running: a background tab's timers may be a minute late, and that must not kill its links.
 */
import type { Clock, Timer } from '@kadrtc/node'

export interface HeartbeatSettings {
  /** A link that was silent for this long is asked whether it lives. NATs forget UDP after 30 s (RFC 4787). */
  readonly idleMs: number
  /** Waits for an answer before the next ping, or before giving up after the last. A guess: 3.5 s in all. */
  readonly probeRoundsMs: readonly number[]
  /** A timer later than this says that our loop stood still, and proves nothing about the peer. */
  readonly lateMs: number
  /** A busy link is pinged this often, so that its round-trip time stays true. */
  readonly rttRefreshMs: number
}

export const heartbeatDefaults: HeartbeatSettings = {
  idleMs: 15_000,
  probeRoundsMs: [500, 1_000, 2_000],
  lateMs: 1_000,
  rttRefreshMs: 60_000,
}

export interface HeartbeatActions {
  sendPing(token: number): void
  /** The peer is gone. Called once; the heartbeat has stopped. */
  lost(): void
}

/** Rounds added when the last one was late. */
const extraRoundsMax = 2
/** Pings remembered for their round-trip time; older ones are forgotten. */
const outstandingPingsMax = 8
/** The first sample is taken in the rush of setting up, and says little: the least of a few in a row counts. */
const firstSamples = 3
/** An upper bound on the retransmission timeout keeps the verdict within seconds. */
const rtoMsMax = 3_000

export class Heartbeat {
  #srttMs: number | undefined
  #rttVarMs = 0
  #samples = 0
  #sampledAtMs = 0
  #heard = false
  #probing = false
  #round = 0
  #timer: Timer | undefined
  #stopped = false
  #token = 0
  readonly #sentAtMs = new Map<number, number>()

  constructor(
    private readonly clock: Clock,
    private readonly settings: HeartbeatSettings,
    private readonly actions: HeartbeatActions,
  ) {}

  /** Round-trip time in milliseconds: the least of the first three, then smoothed (RFC 6298, section 2). */
  get rttMs(): number | undefined {
    return this.#srttMs
  }

  start(): void {
    this.#ping()
    this.#arm(this.settings.idleMs, this.#onIdle)
  }

  /** Something came from the peer. One store: it is called for every frame. */
  heard(): void {
    this.#heard = true
  }

  pong(token: number): void {
    const sentAtMs = this.#sentAtMs.get(token)
    if (sentAtMs === undefined) return // late, twice, or never asked
    this.#sentAtMs.delete(token)
    this.#sample(Math.max(0, this.clock.now() - sentAtMs))
    if (this.#samples < firstSamples && !this.#stopped) this.#ping()
  }

  /** Asks now. While one question is open, asking again does nothing. */
  probe(): void {
    if (this.#stopped || this.#probing) return
    this.#probing = true
    this.#round = 0
    this.#heard = false
    this.#ping()
    this.#arm(this.#roundMs(), this.#onRound)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sentAtMs.clear()
  }

  readonly #onIdle = (): void => {
    if (!this.#heard) return this.probe()
    this.#heard = false
    if (this.clock.now() - this.#sampledAtMs > this.settings.rttRefreshMs) this.#ping()
    this.#arm(this.settings.idleMs, this.#onIdle)
  }

  readonly #onRound = (lateMs: number): void => {
    if (this.#heard) {
      this.#probing = false
      return this.#arm(this.settings.idleMs, this.#onIdle)
    }
    const rounds = this.settings.probeRoundsMs.length
    this.#round++
    const enough = this.#round >= rounds && lateMs <= this.settings.lateMs
    if (enough || this.#round >= rounds + extraRoundsMax) {
      this.stop()
      return this.actions.lost()
    }
    this.#ping()
    this.#arm(this.#roundMs(), this.#onRound)
  }

  #roundMs(): number {
    const rounds = this.settings.probeRoundsMs
    const roundMs = rounds[Math.min(this.#round, rounds.length - 1)] ?? 1_000
    const rtoMs = (this.#srttMs ?? 0) + 4 * this.#rttVarMs
    return Math.max(roundMs, Math.min(rtoMs, rtoMsMax))
  }

  #arm(delayMs: number, fire: (lateMs: number) => void): void {
    this.#timer?.cancel()
    const dueMs = this.clock.now() + delayMs
    this.#timer = this.clock.setTimer(delayMs, () => {
      if (!this.#stopped) fire(this.clock.now() - dueMs)
    })
  }

  #ping(): void {
    const token = this.#token++ >>> 0
    if (this.#sentAtMs.size >= outstandingPingsMax) {
      const oldest = this.#sentAtMs.keys().next()
      if (!oldest.done) this.#sentAtMs.delete(oldest.value)
    }
    this.#sentAtMs.set(token, this.clock.now())
    this.actions.sendPing(token)
  }

  #sample(rttMs: number): void {
    this.#samples++
    this.#sampledAtMs = this.clock.now()
    if (this.#srttMs === undefined || this.#samples <= firstSamples) {
      this.#srttMs = Math.min(rttMs, this.#srttMs ?? rttMs)
      this.#rttVarMs = this.#srttMs / 2
      return
    }
    this.#rttVarMs = 0.75 * this.#rttVarMs + 0.25 * Math.abs(this.#srttMs - rttMs)
    this.#srttMs = 0.875 * this.#srttMs + 0.125 * rttMs
  }
}
