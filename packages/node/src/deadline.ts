/** Joins the caller's `signal` and `timeoutMs` into one cancellation, and leaves nothing behind. */
import { type CancelSignal, throwIfCancelled } from './cancel-signal.js'
import { KadrtcError } from './errors.js'
import type { Clock } from './ports/clock.js'

/** The last argument of every asynchronous verb. */
export interface OperationOptions {
  /** Aborting it rejects the verb with the signal's reason. */
  readonly signal?: CancelSignal | undefined
  /** Rejects with TIMEOUT after this many milliseconds. */
  readonly timeoutMs?: number | undefined
}

/** A signal that this package can fire. */
class Canceller implements CancelSignal {
  aborted = false
  reason: unknown
  readonly #listeners = new Set<() => void>()

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener)
  }

  cancel(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    for (const listener of [...this.#listeners]) listener()
  }
}

/**
 * Runs `work` under a signal that fires when the caller's does or when the time is up; it must reject with the
 * signal's reason then. The timer and the listener are gone when it settles.
 */
export async function withDeadline<T>(
  clock: Clock,
  options: OperationOptions,
  defaultTimeoutMs: number,
  work: (signal: CancelSignal) => Promise<T>,
): Promise<T> {
  const { signal, timeoutMs = defaultTimeoutMs } = options
  throwIfCancelled(signal)
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0)) {
    throw new KadrtcError('INVALID_ARGUMENT', 'timeoutMs must be a number above 0')
  }
  const canceller = new Canceller()
  const abort = () => canceller.cancel(signal?.reason)
  signal?.addEventListener('abort', abort)
  const timer = clock.setTimer(Math.min(timeoutMs, 2 ** 31 - 1), () =>
    canceller.cancel(new KadrtcError('TIMEOUT')),
  )
  try {
    return await new Promise<T>((resolve, reject) => {
      canceller.addEventListener('abort', () => reject(canceller.reason))
      work(canceller).then(resolve, reject)
    })
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', abort)
  }
}
