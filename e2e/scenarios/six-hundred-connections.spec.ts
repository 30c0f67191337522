/**
 * Chrome refuses the 501st RTCPeerConnection that was constructed and not yet collected, closed or not. A tab that
 * connects and closes 600 times meets that cap unless construction waits for collection.
 */
import { unlinkedPair } from '../tabs/network-view.js'
import { expect, test } from '../tabs/test.js'

const cycles = 600
/** Links that nobody needs go at once, so that every connect has to construct. */
const restless = {
  k: 1,
  constructionsPerMinute: 100_000,
  limits: { linksPerBucket: 1, idleLinkMs: 1, greetingMs: 1 },
}

test('600 connect and close cycles in one Chromium tab, while its standing links serve', async ({
  tabs,
  network,
}) => {
  test.setTimeout(240_000)
  const all = await tabs.openMany('chromium', 6)
  for (const tab of all) await tab.join({ ...network, ...restless })
  for (const tab of all) await tab.run(() => void window.node.on('channel', () => {}))
  const [caller, callee] = await unlinkedPair(all)
  await all.find((tab) => tab !== caller && tab !== callee)!.put('standing', 'links serve')

  const before = await caller.connectionsConstructed()
  const outcome = await caller.run(connectAndClose, { peer: callee.id, cycles })

  expect(outcome).toEqual({ cycles, failures: [], reads: cycles / 20 })
  expect((await caller.connectionsConstructed()) - before).toBeGreaterThanOrEqual(cycles)
})

/** Runs in the page: each cycle waits for the link itself to be gone, so that the next one constructs anew. */
async function connectAndClose({ peer, cycles }: { peer: string; cycles: number }) {
  const failures: string[] = []
  let reads = 0
  for (let cycle = 1; cycle <= cycles; cycle++) {
    try {
      const channel = await window.node.connect(peer, { timeoutMs: 60_000 })
      const unlinked = new Promise<void>((resolve, reject) => {
        const tooLate = setTimeout(() => reject(new Error('the link outlived its channel')), 10_000)
        const listen = (gone: { peer: string }) => {
          if (gone.peer !== peer) return
          clearTimeout(tooLate)
          window.node.off('unlink', listen)
          resolve()
        }
        window.node.on('unlink', listen)
      })
      channel.close()
      await unlinked
    } catch (error) {
      failures.push(`${cycle}: ${String(error)}`)
      if (failures.length > 5) break
    }
    if (cycle % 20 === 0 && (await window.node.get('standing')) === 'links serve') reads++
  }
  return { cycles, failures, reads }
}
