/** A timer that has been set. Cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void
}

/** Time comes in through here, so that a simulated hour takes a second and replays. */
export interface Clock {
  /** Milliseconds since some moment. Never goes back: what says how much time has passed asks this. */
  now(): number
  /**
   * Milliseconds since the Unix epoch, whole ones: for times that others read, or that outlive this run. Jumps when the machine's clock
   * is set.
   */
  wallMs(): number
  /**
   * Calls `fire` once, `delayMs` or more from now. A background tab may be seconds late:
   * what depends on how much time has passed asks `now()`.
   */
  setTimer(delayMs: number, fire: () => void): Timer
}
