/**
 * A reload keeps identity and records; two tabs of one profile are two nodes; a second run of the browser on the same
 * profile still has the records.
 */
import { serverGone } from '../tabs/tabs.js'
import { engines, expect, test } from '../tabs/test.js'

for (const engine of engines) {
  test(`identity and records survive a reload and a restart of ${engine}`, async ({
    tabs,
    network,
    server,
    profile,
  }) => {
    tabs.expectProblem(serverGone)
    const firstRun = await tabs.profile(engine, profile)
    const tab = await tabs.openIn(firstRun, engine)
    const twin = await tabs.openIn(firstRun, engine)
    const [id, twinId] = [await tab.join({ ...network, allowAlone: true }), await twin.join(network)]
    expect(twinId).not.toBe(id)
    await tab.put('kept', { through: 'reload and restart' })
    await twin.put('kept by the twin', 'too')

    await tab.reload()
    expect(await tab.join(network)).toBe(id)
    expect(await tab.run(() => window.node.inspect().records.count)).toBeGreaterThanOrEqual(2)
    expect(await tab.get('kept')).toEqual({ through: 'reload and restart' })
    await firstRun.close()

    // Nobody else is left, and nobody can be found: what is read now comes from the disk.
    await server.kill()
    const secondRun = await tabs.profile(engine, profile)
    const risen = await tabs.openIn(secondRun, engine)
    const options = { ...network, allowAlone: true, joinTimeoutMs: 1_000 }
    expect([id, twinId]).toContain(await risen.join(options))
    expect(await risen.get('kept')).toEqual({ through: 'reload and restart' })
    expect(await risen.get('kept by the twin')).toBe('too')
  })
}
