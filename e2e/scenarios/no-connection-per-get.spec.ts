/** The routing table is the set of open links: a get opens no connection. */

import { expectQuiet } from '../tabs/network-view.js'
import { expect, test } from '../tabs/test.js'

/** Small, so that most gets are of values that other nodes hold. */
const k = 4
/** Neither the refresh that looks for missing links now and then nor the trials of others are what is counted here. */
const options = { k, limits: { refreshIntervalMs: 3_600_000, trialIntervalMs: 3_600_000 } }
const keys = Array.from({ length: 100 }, (_, index) => `value-${index}`)

test('100 gets on a warm network of 16 construct no RTCPeerConnection', async ({ tabs, network }) => {
  const all = (await Promise.all([tabs.openMany('chromium', 14), tabs.openMany('firefox', 2)])).flat()
  await Promise.all(all.map((tab) => tab.join({ ...network, ...options })))
  const author = all[0]!
  await author.run(async (names) => {
    for (const name of names) await window.node.put(name, `${name} is here`)
  }, keys)
  await expectQuiet(all, 2_000)
  const constructed = () => Promise.all(all.map((tab) => tab.connectionsConstructed()))
  const before = await constructed()
  expect(
    before.every((count) => count > 0),
    'the wrapped constructor is the one in use',
  ).toBe(true)

  // It put nothing itself, and with k = 4 of 16 it holds about a quarter of the values: the rest is remote.
  const reader = all[15]!
  const values = await reader.run(async (names) => {
    const read: unknown[] = []
    for (const name of names) read.push(await window.node.get(name))
    return read
  }, keys)

  expect(values).toEqual(keys.map((name) => `${name} is here`))
  expect(await constructed()).toEqual(before)
})
