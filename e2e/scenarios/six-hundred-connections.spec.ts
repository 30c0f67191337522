/**
 * Chrome refuses the 501st RTCPeerConnection that was constructed and not yet collected, closed or not. A tab that
 * connects and closes 600 times meets that cap unless construction waits for collection.
 */
import type { Tab } from '../tabs/tab.js'
import { expect, test } from '../tabs/test.js'

const cycles = 600
const readEvery = 20
/** Links that nobody needs go at once, so that every connect has to construct; and nothing but the cap slows it. */
const restless = {
  k: 1,
  constructionsPerMinute: 100_000,
  limits: {
    linksPerBucket: 1,
    idleLinkMs: 1,
    greetingMs: 1,
    signalsPerSecond: 100_000,
    signalsBurst: 100_000,
  },
}

test('600 connect and close cycles in one Chromium tab, while its standing links serve', async ({
  tabs,
  network,
}) => {
  test.setTimeout(240_000)
  const all: Tab[] = []
  const openOne = async () => {
    const tab = await tabs.open('chromium')
    await tab.join({ ...network, ...restless })
    await tab.run(() => void window.node.on('channel', () => {}))
    all.push(tab)
  }
  for (let i = 0; i < 6; i++) await openOne()
  let pair = await strangers(all)
  // By chance of their ids a few nodes may all need each other; the more there are, the less likely.
  for (; !pair && all.length < 12; pair = await strangers(all)) await openOne()
  const [caller, peer] = pair!
  await all.find((tab) => tab !== caller && tab.id !== peer)!.put('standing', 'links serve')

  const before = await caller.connectionsConstructed()
  const outcome = await caller.run(connectAndClose, { peer, cycles, readEvery, patienceMs: 10_000 })

  expect(outcome).toEqual({ failures: [], reads: cycles / readEvery })
  expect((await caller.connectionsConstructed()) - before).toBeGreaterThanOrEqual(cycles)
})

interface Errand {
  peer: string
  cycles: number
  readEvery: number
  /** How long a link may outlive its last channel. */
  patienceMs: number
}

/** Runs in the page: each cycle waits for the link itself to be gone, so that the next one constructs anew. */
async function connectAndClose({ peer, cycles, readEvery, patienceMs }: Errand) {
  const failures: string[] = []
  let reads = 0
  const unlinked = () =>
    new Promise<void>((resolve, reject) => {
      const tooLate = setTimeout(() => {
        window.node.off('unlink', listen)
        reject(new Error('the link outlived its channel'))
      }, patienceMs)
      const listen = (gone: { peer: string }) => {
        if (gone.peer !== peer) return
        clearTimeout(tooLate)
        window.node.off('unlink', listen)
        resolve()
      }
      window.node.on('unlink', listen)
    })
  for (let cycle = 1; cycle <= cycles && failures.length < 5; cycle++) {
    try {
      const channel = await window.node.connect(peer, { timeoutMs: 60_000 })
      const gone = unlinked()
      channel.close()
      await gone
    } catch (error) {
      failures.push(`${cycle}: ${String(error)}`)
    }
    if (cycle % readEvery === 0 && (await window.node.get('standing')) === 'links serve') reads++
  }
  return { failures, reads }
}

/** A tab and the id of another to which neither needs a link of its own, if there are: the overlay keeps those it needs. */
async function strangers(all: readonly Tab[]): Promise<[caller: Tab, peer: string] | undefined> {
  for (const caller of all) {
    const linked = await caller.peers()
    for (const { id } of all) {
      if (id === caller.id || linked.includes(id)) continue
      const errand = { peer: id, cycles: 1, readEvery: 2, patienceMs: 2_000 }
      const { failures } = await caller.run(connectAndClose, errand)
      if (failures.length === 0) return [caller, id]
    }
  }
  return undefined
}
