/**
 * What a network should look like, worked out from ids alone, to hold against what its tabs say and store.
 *
 *   await expectSettled(tabs, k)                        // every tab is linked to its k nearest
 *   await expectReplicated(tabs, keys, k)               // every value lies on the k tabs closest to its key
 */
import { createHash } from 'node:crypto'
import { expect } from '@playwright/test'
import type { Tab } from './tab.js'

/** The `count` ids nearest to `target` by XOR, nearest first; all in hex. */
export function closestIds(target: string, ids: readonly string[], count: number): string[] {
  const distance = (id: string) => BigInt(`0x${id}`) ^ BigInt(`0x${target}`)
  const nearestFirst = [...ids].sort((a, b) => (distance(a) < distance(b) ? -1 : 1))
  return nearestFirst.slice(0, count)
}

/** A string key's place in the id space, hex. */
export function keyIdHex(key: string): string {
  return createHash('sha1').update(key, 'utf8').digest('hex')
}

/** Waits until every tab has links to the `k` others that are nearest to it. */
export async function expectSettled(tabs: readonly Tab[], k: number): Promise<void> {
  const ids = tabs.map((tab) => tab.id)
  const missing = async () => {
    const perTab = await Promise.all(
      tabs.map(async (tab) => {
        const peers = await tab.peers()
        const others = ids.filter((id) => id !== tab.id)
        const unlinked = closestIds(tab.id, others, k).filter((id) => !peers.includes(id))
        return unlinked.map((id) => `${tab.engine} ${tab.id} to ${id}`)
      }),
    )
    return perTab.flat()
  }
  await expect
    .poll(missing, { message: 'links to nearest nodes that are missing', timeout: 30_000 })
    .toEqual([])
}

/** Waits until each key's value is stored by the `k` tabs closest to it. What is stored is read from disk, not asked of the node. */
export async function expectReplicated(
  tabs: readonly Tab[],
  keys: readonly string[],
  k: number,
  timeoutMs = 30_000,
): Promise<void> {
  const ids = tabs.map((tab) => tab.id)
  const missing = async () => {
    const held = new Map(
      await Promise.all(tabs.map(async (tab) => [tab.id, await storedKeyIds(tab)] as const)),
    )
    return keys.flatMap((key) => {
      const keyId = keyIdHex(key)
      const lacking = closestIds(keyId, ids, k).filter((id) => !held.get(id)!.has(keyId))
      return lacking.map((id) => `${key} (${keyId}) on ${id}`)
    })
  }
  await expect.poll(missing, { message: 'replicas that are missing', timeout: timeoutMs }).toEqual([])
}

/** The key ids (hex) of all records in this tab's IndexedDB. The tab must be alone in its context. */
export async function storedKeyIds(tab: Tab): Promise<ReadonlySet<string>> {
  const slots = await tab.run(async () => {
    const settled = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
    const found: string[] = []
    for (const { name } of await indexedDB.databases()) {
      if (!name?.endsWith(':records')) continue
      const database = await settled(indexedDB.open(name))
      for (const store of database.objectStoreNames) {
        const keys = await settled(database.transaction(store).objectStore(store).getAllKeys())
        found.push(...keys.map(String))
      }
      database.close()
    }
    return found
  })
  // A slot is a letter for the kind, 40 hex digits of key id and, for signed records, 40 of the author's id.
  return new Set(slots.map((slot) => slot.slice(1, 41)))
}

/** Waits until no tab has constructed a connection for `quietMs`: joining and dialling are over. */
export async function expectQuiet(tabs: readonly Tab[], quietMs: number): Promise<void> {
  let last = -1
  let since = Date.now()
  const quietFor = async () => {
    const counts = await Promise.all(tabs.map((tab) => tab.connectionsConstructed()))
    const total = counts.reduce((sum, count) => sum + count, 0)
    if (total !== last) since = Date.now()
    last = total
    return Date.now() - since
  }
  await expect
    .poll(quietFor, { message: 'ms since the last connection', timeout: 45_000 })
    .toBeGreaterThan(quietMs)
}

/** Waits until some two tabs have no link to each other, and gives them. */
export async function unlinkedPair(tabs: readonly Tab[]): Promise<[Tab, Tab]> {
  let pair: [Tab, Tab] | undefined
  const find = async () => {
    const tables = new Map(await Promise.all(tabs.map(async (tab) => [tab, await tab.peers()] as const)))
    const linked = (a: Tab, b: Tab) => tables.get(a)!.includes(b.id) || tables.get(b)!.includes(a.id)
    for (const caller of tabs) {
      const callee = tabs.find((tab) => tab !== caller && !linked(tab, caller))
      if (callee) pair = [caller, callee]
    }
    return pair !== undefined
  }
  await expect.poll(find, { message: 'two tabs that have no link', timeout: 45_000 }).toBe(true)
  return pair!
}
