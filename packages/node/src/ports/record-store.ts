/** A record's place in a store (a short ASCII string) and its encoded bytes. */
export type StoreEntry = readonly [slot: string, bytes: Uint8Array]

/**
 * Where encoded records are kept. Writes of one store are applied in the order they were called.
 * After `close` every verb rejects.
 */
export interface RecordStore {
  /** The bytes last put under `slot`; undefined: it holds nothing. Rejects when it cannot be read, which says nothing of that. */
  get(slot: string): Promise<Uint8Array | undefined>
  /** Resolves when all entries are durable: all of them, or none and a rejection. */
  put(entries: readonly StoreEntry[]): Promise<void>
  /** Resolves when none of the slots holds anything any more. Unknown slots are no error. */
  delete(slots: readonly string[]): Promise<void>
  /** All that the store holds, in no particular order. Rejects when it cannot be read. */
  scan(): Promise<readonly StoreEntry[]>
  /** Waits for writes under way, then lets go of the store. Closing twice does nothing. */
  close(): Promise<void>
}
