import { type Id, idBytes, keyIdOf } from '@kadrtc/kademlia'
import { MemoryRecordStore, type RecordStore } from '@kadrtc/node'
import { RecordShelf } from '../src/records/record-shelf.js'
import type { Settings } from '../src/settings.js'
import { settingsWith, tinyId } from './fake-link.js'
import { type RecordFields, signed } from './made-records.js'

export const hourMs = 3_600_000
export const own = new Uint8Array(idBytes) as Id

export interface Rig {
  readonly shelf: RecordShelf
  readonly store: RecordStore
  readonly warnings: unknown[]
  nowMs: number
}

/** A shelf of node 0, so that a key id is its own distance. */
export function rig(settings: Partial<Settings> = {}, store: RecordStore = new MemoryRecordStore()): Rig {
  const warnings: unknown[] = []
  const rig: Rig = {
    nowMs: 1_000,
    store,
    warnings,
    shelf: new RecordShelf(
      own,
      store,
      settingsWith(settings),
      () => rig.nowMs,
      (error) => warnings.push(error),
    ),
  }
  return rig
}

export const record = (fields: Partial<RecordFields> = {}) => signed({ expiresAtMs: hourMs, ...fields })
export const at = (bits: string, fields: Partial<RecordFields> = {}) =>
  record({ keyId: tinyId(bits), ...fields })
export const slots = async (store: RecordStore) => (await store.scan()).map(([slot]) => slot).sort()
export const seqsHeld = (shelf: RecordShelf, keyId = keyIdOf('key')) =>
  shelf.findInMemory(keyId, { all: true })?.map((held) => (held.kind === 'signed' ? held.seq : 0))
/** Lets writes that wait for nothing finish. */
export const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await undefined
}
