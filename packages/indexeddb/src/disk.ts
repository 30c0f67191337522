/**
 * One IndexedDB database as idb-keyval sees it: a function that gives a transaction. Here are the things
 * idb-keyval leaves to its user: an open that hangs, letting go of the connection, a transaction
 * that both puts and deletes, and what to call a failure.
 */
import { KadrtcError } from '@kadrtc/node'
import { createStore, get, type UseStore } from 'idb-keyval'
import { withDeadline } from './deadline.js'

/** What reaches one object store: idb-keyval's `createStore`, or a stand-in for it. */
export type Disk = UseStore

/** Safari's first open after a start has been seen to hang for ever; a healthy one takes well under a second. */
const openTimeoutMs = 3000

export function diskOf(database: string): Disk {
  return createStore(database, 'entries')
}

/** Resolves when the database has been opened and read from. Rejects when it cannot be, after 3 s at the latest. */
export async function openDisk(disk: Disk): Promise<void> {
  const opening = open(disk)
  try {
    await withDeadline(opening, openTimeoutMs, 'IndexedDB does not answer')
  } catch (error) {
    // Should it open after all, nobody is left to use it.
    opening.then(() => closeDisk(disk)).catch(() => {})
    throw error
  }
}

async function open(disk: Disk): Promise<void> {
  await disk('readonly', ({ transaction: { db } }) => {
    // Whoever deletes the database, the app or a person, must not have to wait for us. idb-keyval's own
    // handler, made for connections that the browser closes, makes the next transaction open a new one.
    db.onversionchange = () => {
      db.close()
      db.onclose?.(new Event('close'))
    }
  })
  await get('', disk)
}

/** Lets go of the connection when its transactions have ended; `disk` cannot be used after. Never rejects. */
export async function closeDisk(disk: Disk): Promise<void> {
  try {
    await disk('readonly', (store) => store.transaction.db.close())
  } catch {
    // There was no connection to let go of.
  }
}

/** What is to be under a slot: bytes, or null for nothing. */
export type Write = Uint8Array | null

/** Resolves when one transaction holding all the writes has completed; else none of them was made. */
export function commit(disk: Disk, writes: Iterable<readonly [slot: string, write: Write]>): Promise<void> {
  return disk(
    'readwrite',
    (store) =>
      new Promise<void>((resolve, reject) => {
        const { transaction } = store
        transaction.oncomplete = () => resolve()
        // A request's own error comes before the reason of the abort is known; the abort always follows.
        transaction.onabort = () => reject(transaction.error ?? new Error('The transaction was aborted'))
        try {
          for (const [slot, write] of writes) {
            if (write === null) store.delete(slot)
            else store.put(write, slot)
          }
          // Spares the round trip in which IndexedDB asks whether there is more to come.
          transaction.commit?.()
        } catch (error) {
          reject(error)
          transaction.abort()
        }
      }),
  )
}

export function isQuotaExceeded(error: unknown): boolean {
  return error instanceof Error && error.name === 'QuotaExceededError'
}

/** What to tell the app: STORE_FULL when the quota is used up, STORE_UNAVAILABLE for anything else. */
export function storeWarning(cause: unknown, detail?: string): KadrtcError {
  return new KadrtcError(isQuotaExceeded(cause) ? 'STORE_FULL' : 'STORE_UNAVAILABLE', detail, { cause })
}
