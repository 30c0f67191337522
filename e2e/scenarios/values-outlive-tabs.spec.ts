/** The tab that put a value is closed, then a third of all tabs is killed at once: every value stays. */

import { expectReplicated } from '../tabs/network-view.js'
import type { Tab } from '../tabs/tab.js'
import { expect, test } from '../tabs/test.js'

const k = 5
const keys = Array.from({ length: 30 }, (_, index) => `value-${index}`)

test('values outlive their author, and 4 of 12 tabs killed at once', async ({ tabs, network }) => {
  const options = { ...network, k }
  const [author, chromiums, firefoxes, doomed] = await Promise.all([
    tabs.open('chromium'),
    tabs.openMany('chromium', 5),
    tabs.openMany('firefox', 3),
    tabs.openDoomed('chromium', 4),
  ])
  const survivors = [...chromiums, ...firefoxes]
  const twelve = [...survivors, ...doomed.tabs]
  await Promise.all([author, ...twelve].map((tab) => tab.join(options)))
  await author.run(async (names) => {
    await Promise.all(names.map((name) => window.node.put(name, `${name} lives`)))
  }, keys)

  await author.close()
  await expectReplicated(twelve, keys, k)

  await doomed.kill()
  const reads = await Promise.all(survivors.map((tab) => readAll(tab)))
  for (const [index, { values, slowestMs }] of reads.entries()) {
    expect(values, `read by survivor ${index}`).toEqual(keys.map((name) => `${name} lives`))
    expect(slowestMs, `slowest get of survivor ${index}`).toBeLessThan(1_000)
  }
  await expectReplicated(survivors, keys, k, 30_000)
})

/** One get after the other, as an app does that follows links; each is timed inside the page. */
function readAll(tab: Tab): Promise<{ values: unknown[]; slowestMs: number }> {
  return tab.run(async (names) => {
    const values: unknown[] = []
    let slowestMs = 0
    for (const name of names) {
      const startedAt = performance.now()
      values.push(await window.node.get(name))
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    }
    return { values, slowestMs }
  }, keys)
}
