/**
 * Promises that were rejected while nobody listened: a bug somewhere, and a run in which there was one has not gone well,
 * whatever it says. A process tells of them once the event loop has its turn, which a virtual clock never gives.
 *
 *     const rejections = new Rejections(process)
 *     ...
 *     await rejections.demandNone()
 */

/** The part of a process that is used. */
export interface RejectionSource {
  on?(event: 'unhandledRejection', listener: (reason: unknown) => void): unknown
  off?(event: 'unhandledRejection', listener: (reason: unknown) => void): unknown
}

export class Rejections {
  /** The first one; the others most likely follow from it. */
  #first: { readonly reason: unknown } | undefined
  readonly #note = (reason: unknown) => {
    this.#first ??= { reason }
  }

  constructor(private readonly source: RejectionSource) {
    source.on?.('unhandledRejection', this.#note)
  }

  /** Gives the event loop its turn. Rejects with an Error whose cause is the first one, if there was any. */
  async demandNone(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#first)
      throw new Error('A promise was rejected and nobody listened', { cause: this.#first.reason })
  }

  close(): void {
    this.source.off?.('unhandledRejection', this.#note)
  }
}
