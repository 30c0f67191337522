import { EventEmitter } from 'eventemitter3'

/**
 * An emitter whose own work goes on when a listener throws: what it was in the midst of is none of the listener's business. Of one event
 * those that were to be told after it are not.
 */
export class GuardedEmitter<E extends EventEmitter.ValidEventTypes> extends EventEmitter<E> {
  /** Told what a listener has thrown. Unless it is set, that is a rejection that nobody handles, which platforms report. */
  onListenerError: (error: unknown) => void = (error) => void Promise.reject(error)

  override emit<N extends EventEmitter.EventNames<E>>(
    event: N,
    ...args: EventEmitter.EventArgs<E, N>
  ): boolean {
    try {
      return super.emit(event, ...args)
    } catch (error) {
      this.onListenerError(error)
      return true
    }
  }
}
