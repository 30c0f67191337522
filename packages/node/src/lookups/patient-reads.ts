/**
 * "There is nothing" is said by those near the key, and not by silence. A newcomer's only link may close while it asks, and then
 * nobody answers: it asks again a little later, when it has other links. Nor is it said by newcomers among themselves.
 */
import type { CancelSignal } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { Clock } from '../ports/clock.js'
import type { ReadResult } from './read.js'

/** Who has lost its links has others in less than that, mostly; a verb has half as long again. A guess. */
const triedForMs = 10_000
/** A pause becomes no longer than so many of the first. */
const pausesMost = 4

export interface PatientReadsPorts {
  readonly clock: Clock
  /** It is certain that nobody else is there to be asked. */
  readonly isAlone: () => boolean
  /** Those who are linked may know as little as this node does. */
  readonly isNew: () => boolean
}

export class PatientReads {
  /** Ends each pause that is under way. Bounded by the verbs that are. */
  readonly #pauses = new Set<() => void>()
  #closed = false

  constructor(readonly ports: PatientReadsPorts) {}

  /**
   * Reads until something is found, or enough of those near the key have said that there is nothing to who was not new then, or this
   * has been tried for long. `pauseMs`: the first pause; the next ones are longer. What few have said then is the
   * result; when at last nobody answered it rejects with UNREACHABLE. Rejects with CLOSED, and as `read` does.
   */
  async untilSure(
    read: () => Promise<ReadResult>,
    { pauseMs, signal }: { readonly pauseMs: number; readonly signal: CancelSignal },
  ): Promise<ReadResult> {
    const { clock, isAlone, isNew } = this.ports
    const endMs = clock.now() + triedForMs
    for (let pauses = 1; ; pauses = Math.min(2 * pauses, pausesMost)) {
      if (this.#closed) throw new KadrtcError('CLOSED', 'the node')
      const wasNew = isNew()
      const beganMs = clock.now()
      const result = await read()
      const isSure = (result.heard === 'enough' && !wasNew) || isAlone()
      if (result.records.length > 0 || isSure || signal.aborted) return result
      const leftMs = endMs - clock.now()
      const nextPauseMs = Math.min(pauses * pauseMs, leftMs)
      // Who asks once more when little is left, and as slowly as before, is still asking when the verb has to end.
      const isTimeLeft = leftMs > 0 && leftMs - nextPauseMs >= (clock.now() - beganMs) / 2
      if (isTimeLeft) await this.#pause(nextPauseMs, signal)
      else if (result.heard === 'nobody') throw new KadrtcError('UNREACHABLE', 'nobody answered')
      else return result
    }
  }

  close(): void {
    this.#closed = true
    for (const end of [...this.#pauses]) end()
  }

  /** Ends early when `signal` fires. */
  #pause(ms: number, signal: CancelSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        this.#pauses.delete(end)
        resolve()
      }
      const timer = this.ports.clock.setTimer(ms, end)
      signal.addEventListener('abort', end)
      this.#pauses.add(end)
    })
  }
}
