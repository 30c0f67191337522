/**
 * The life of one node's tab on the virtual clock: its time of day may be ahead or behind; while the browser has frozen the tab
 * nothing of it runs; when the tab dies nothing runs any more. Whoever calls the tab's code from outside, a network or a
 * server, does it through `whenAwake`; what comes in the meantime waits, and is delivered in its order after the thaw.
 */
import type { Clock, Timer } from '@kadrtc/node'

export class LocalClock implements Clock {
  #isFrozen = false
  #isStopped = false
  /**
   * What came while frozen, oldest first. Bounded by the timers that were set and by what peers send until they lose their
   * links: a frozen tab asks for nothing new.
   */
  #waiting: (() => void)[] | undefined
  /** Set and neither fired nor cancelled: a tab that dies takes its timers along, and they what they hold on to. */
  readonly #set = new Set<LocalTimer>()

  constructor(
    private readonly clock: Clock,
    /** Added to the time of day that the shared clock shows, in ms. */
    private readonly skewMs = 0,
  ) {}

  now(): number {
    return this.clock.now()
  }

  wallMs(): number {
    return this.clock.wallMs() + this.skewMs
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    if (this.#isStopped) return { cancel() {} }
    const timer = new LocalTimer(fire, this.#set)
    timer.shared = this.clock.setTimer(delayMs, () => {
      if (this.isAwake) timer.fire()
      else this.whenAwake(() => timer.fire())
    })
    return timer
  }

  /** Timers that are set: bounded by whoever sets them. */
  get timers(): number {
    return this.#set.size
  }

  /** What came while frozen and has not been delivered. */
  get waiting(): number {
    return this.#waiting?.length ?? 0
  }

  get isFrozen(): boolean {
    return this.#isFrozen
  }

  /** Nothing is heard of the tab: it is frozen or dead. */
  get isSilent(): boolean {
    return this.#isFrozen || this.#isStopped
  }

  /** The tab runs, and nothing waits to be delivered first. */
  get isAwake(): boolean {
    return !this.#isFrozen && !this.#isStopped && this.#waiting === undefined
  }

  /** Acts at once if the tab is awake, behind all that waits if it is frozen, never if it is dead. */
  whenAwake(act: () => void): void {
    if (this.isAwake) act()
    else if (!this.#isStopped) {
      this.#waiting ??= []
      this.#waiting.push(act)
    }
  }

  /** Nothing of the tab runs until `thaw`. */
  freeze(): void {
    this.#isFrozen = true
  }

  /** What waited is delivered now, each in a turn of its own, as a browser does. */
  thaw(): void {
    if (!this.#isFrozen) return
    this.#isFrozen = false
    this.#deliverSoon()
  }

  /** No timer of this clock fires any more, those already set included. */
  stop(): void {
    this.#isStopped = true
    this.#waiting = undefined
    for (const timer of this.#set) timer.cancel()
  }

  #deliverSoon(): void {
    if (this.#waiting) this.clock.setTimer(0, () => this.#deliverNext())
  }

  #deliverNext(): void {
    if (this.isSilent) return
    const act = this.#waiting?.shift()
    if (this.#waiting?.length === 0) this.#waiting = undefined
    this.#deliverSoon()
    act?.()
  }
}

/** A timer that can be cancelled even between the instant when it was due and the thaw. */
class LocalTimer implements Timer {
  shared: Timer | undefined
  #fire: (() => void) | undefined

  constructor(
    fire: () => void,
    private readonly owner: Set<LocalTimer>,
  ) {
    this.#fire = fire
    owner.add(this)
  }

  fire(): void {
    const fire = this.#fire
    this.#fire = undefined
    this.owner.delete(this)
    fire?.()
  }

  cancel(): void {
    this.#fire = undefined
    this.owner.delete(this)
    this.shared?.cancel()
  }
}
