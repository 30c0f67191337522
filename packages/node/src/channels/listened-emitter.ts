import type { EventEmitter } from 'eventemitter3'
import { GuardedEmitter } from '../guarded-emitter.js'

/** An emitter that knows when somebody begins to listen, by whichever of its verbs: what came before can be handed over. */
export abstract class ListenedEmitter<E extends EventEmitter.ValidEventTypes> extends GuardedEmitter<E> {
  /** Called after each new listener, of any event. */
  protected abstract listened(): void

  override on<N extends EventEmitter.EventNames<E>>(
    event: N,
    listener: EventEmitter.EventListener<E, N>,
    context?: unknown,
  ): this {
    super.on(event, listener, context)
    this.listened()
    return this
  }

  override addListener<N extends EventEmitter.EventNames<E>>(
    event: N,
    listener: EventEmitter.EventListener<E, N>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context)
  }

  override once<N extends EventEmitter.EventNames<E>>(
    event: N,
    listener: EventEmitter.EventListener<E, N>,
    context?: unknown,
  ): this {
    super.once(event, listener, context)
    this.listened()
    return this
  }
}
