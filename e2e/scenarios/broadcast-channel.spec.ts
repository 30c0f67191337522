/** With the server never started, two tabs of one origin find each other over BroadcastChannel. */
import { randomUUID } from 'node:crypto'
import { addressOfNobody } from '../site/signaling.js'
import { serverGone } from '../tabs/tabs.js'
import { engines, expect, test } from '../tabs/test.js'

for (const engine of engines) {
  test(`two ${engine} tabs of one origin need no server`, async ({ tabs }) => {
    tabs.expectProblem(serverGone)
    const context = await tabs.context(engine)
    const [first, second] = [await tabs.openIn(context, engine), await tabs.openIn(context, engine)]
    const options = { network: randomUUID(), bootstrap: [await addressOfNobody()] }
    // Neither may be alone: both resolve only because they have met.
    await Promise.all([first.join(options), second.join(options)])
    expect(await first.peers()).toEqual([second.id])
    await first.put('met', 'by broadcast')
    expect(await second.get('met')).toBe('by broadcast')
  })

  test(`a ${engine} tab that comes later finds the one that was alone`, async ({ tabs }) => {
    const context = await tabs.context(engine)
    const [first, second] = [await tabs.openIn(context, engine), await tabs.openIn(context, engine)]
    const options = { network: randomUUID() }
    await first.join({ ...options, allowAlone: true, joinTimeoutMs: 500 })
    expect(await first.run(() => window.node.status)).toBe('alone')
    await second.join(options)
    await expect.poll(() => first.run(() => window.node.status)).toBe('joined')
  })
}
