/**
 * Which identity a tab has. Tabs of one origin share IndexedDB, so each takes a numbered slot for as long as it
 * lives, by a Web Lock, which the browser gives back when the tab goes, however it goes.
 *
 *     const slot = await claimIdentitySlot({ network: 'my-app', onWarning: console.warn })
 *     const identity = await loadIdentity({ database: slot.database('identity'), onWarning: console.warn })
 *
 * A reload gets its slot again: sessionStorage remembers the number, and the page that is going holds the lock for
 * a moment only. A duplicated tab remembers it too while the first one lives on: it waits in vain, 1 s, once.
 */
import { KadrtcError } from '@kadrtc/node'

/** Tabs of one network in one browser profile. More than anybody opens. */
const slotsMax = 256

/** How long the page that is going may hold its lock: closing its connections takes well under a second. A guess. */
const handoverMs = 1000

export interface IdentitySlot {
  /** Lowest free number first. From 256 on: a random number, which no other tab knows of. */
  readonly slot: number
  /** The name of this slot's database for a purpose; undefined when nothing of this slot is to be stored. */
  database(purpose: 'records' | 'published' | 'identity'): string | undefined
  /** Lets others have the slot; resolves when they can. Releasing twice does nothing more. */
  release(): Promise<void>
}

/** As much of the Web Locks API as is used here; `navigator.locks` is one. */
export interface SlotLocks {
  request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    whileHeld: (lock: unknown) => Promise<void> | undefined | void,
  ): Promise<unknown>
}

export interface IdentitySlotOptions {
  readonly network: string
  /** STORE_UNAVAILABLE: this tab keeps its identity and records in memory. */
  readonly onWarning: (warning: KadrtcError) => void
  /** Instead of the browser's Web Locks; null: there are none. */
  readonly locks?: SlotLocks | null
  /** Instead of the tab's sessionStorage; null: there is none. */
  readonly session?: Pick<Storage, 'getItem' | 'setItem'> | null
}

/** Never rejects. Takes up to 1 s when the slot this tab had before is held by another. */
export async function claimIdentitySlot(options: IdentitySlotOptions): Promise<IdentitySlot> {
  const { network, onWarning } = options
  const locks = options.locks === undefined ? (globalThis.navigator?.locks ?? null) : options.locks
  let reason: { detail: string; cause?: unknown } = { detail: 'this browser has no Web Locks' }
  if (locks) {
    try {
      const claim = await claimLock(locks, network, new TabMemory(network, options.session))
      if (claim) return heldSlot(network, claim)
      reason = { detail: `${slotsMax} other tabs are open` }
    } catch (cause) {
      reason = { detail: 'Web Locks are refused', cause }
    }
  }
  onWarning(new KadrtcError('STORE_UNAVAILABLE', reason.detail, reason))
  const [random] = crypto.getRandomValues(new Uint32Array(1))
  return { slot: slotsMax + random!, database: () => undefined, release: async () => {} }
}

type Release = IdentitySlot['release']

interface Claim {
  readonly slot: number
  readonly release: Release
}

function heldSlot(network: string, { slot, release }: Claim): IdentitySlot {
  return { slot, release, database: (purpose) => `kadrtc:${network}:${slot}:${purpose}` }
}

async function claimLock(locks: SlotLocks, network: string, memory: TabMemory): Promise<Claim | undefined> {
  const remembered = memory.recall()
  if (remembered) {
    const { slot, byThisPage } = remembered
    // What this very page holds it will not let go of soon.
    const release = await (byThisPage ? take(locks, network, slot) : awaitLock(locks, network, slot))
    if (release) return memory.remember({ slot, release })
  }
  for (let slot = 0; slot < slotsMax; slot++) {
    const release = await take(locks, network, slot)
    if (release) return memory.remember({ slot, release })
  }
  return undefined
}

/** Takes the slot's lock if it is free now. */
function take(locks: SlotLocks, network: string, slot: number): Promise<Release | undefined> {
  return request(locks, network, slot, { ifAvailable: true })
}

/** Takes the slot's lock if it becomes free within `handoverMs`. */
async function awaitLock(locks: SlotLocks, network: string, slot: number): Promise<Release | undefined> {
  const waiting = new AbortController()
  const timer = setTimeout(() => waiting.abort(), handoverMs)
  try {
    return await request(locks, network, slot, { signal: waiting.signal })
  } catch (error) {
    if (waiting.signal.aborted) return undefined
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves with what gives the lock back, or with undefined when it was not to be had at once. */
function request(
  locks: SlotLocks,
  network: string,
  slot: number,
  options: { ifAvailable?: boolean; signal?: AbortSignal },
): Promise<Release | undefined> {
  return new Promise((resolve, reject) => {
    const whileHeld = (lock: unknown) => {
      if (!lock) return resolve(undefined)
      return new Promise<void>((letGo) => {
        resolve(() => {
          letGo()
          return given
        })
      })
    }
    const name = `kadrtc:${network}:slot:${slot}`
    // Settles when the lock has been given back, or has not been had. Once it is ours, `reject` does nothing.
    const given = locks.request(name, options, whileHeld).then(() => undefined, reject)
  })
}

/** The slot a tab had, in its sessionStorage, which outlives a reload and is copied with a duplicated tab. */
class TabMemory {
  readonly #name: string
  readonly #session: IdentitySlotOptions['session']
  /** Tells this page from the one before the reload. */
  readonly #page = String(performance.timeOrigin)

  constructor(network: string, session: IdentitySlotOptions['session']) {
    this.#name = `kadrtc:${network}:slot`
    this.#session = session
  }

  recall(): { slot: number; byThisPage: boolean } | undefined {
    const [, slot, page] = /^(\d{1,3}) (.+)$/.exec(this.#read() ?? '') ?? []
    if (slot === undefined || Number(slot) >= slotsMax) return undefined
    return { slot: Number(slot), byThisPage: page === this.#page }
  }

  /** A second node in one page is not remembered, so that the first keeps its slot over reloads. */
  remember(claim: Claim): Claim {
    if (!this.recall()?.byThisPage) this.#write(`${claim.slot} ${this.#page}`)
    return claim
  }

  #read(): string | null {
    try {
      return this.#storage()?.getItem(this.#name) ?? null
    } catch {
      return null
    }
  }

  #write(value: string): void {
    try {
      this.#storage()?.setItem(this.#name, value)
    } catch {
      // Storage is refused: a reload may then get another slot.
    }
  }

  #storage(): IdentitySlotOptions['session'] {
    return this.#session === undefined ? globalThis.sessionStorage : this.#session
  }
}
