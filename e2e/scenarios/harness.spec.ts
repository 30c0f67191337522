/** Shows that a scenario can fail: what goes wrong in a tab reaches the test, in either engine. */
import { Site } from '../site/site.js'
import { engines, expect, test } from '../tabs/test.js'

for (const engine of engines) {
  test(`errors inside a ${engine} tab reach the test`, async ({ tabs, site }) => {
    tabs.expectProblem(/thrown by the scenario/)
    const tab = await tabs.open(engine, `${site.origin}/bare`)
    const rejection = tab.run(() =>
      Promise.reject(Object.assign(new Error('no way'), { code: 'UNREACHABLE' })),
    )
    await expect(rejection).rejects.toMatchObject({ code: 'UNREACHABLE', message: 'no way', kind: 'Error' })
    await tab.run(() => {
      setTimeout(() => {
        throw new Error('uncaught, thrown by the scenario')
      })
      void Promise.reject(new Error('unhandled, thrown by the scenario'))
      console.error('printed, not thrown by the scenario')
    })
    await expect.poll(() => tab.problems.length).toBe(3)
    expect(tab.problems.join()).toMatch(/uncaught, .*unhandled, |unhandled, .*uncaught, /)
  })

  test(`bytes pass to and from a ${engine} tab as they are`, async ({ tabs, site }) => {
    const tab = await tabs.open(engine, `${site.origin}/bare`)
    const bytes = Uint8Array.from({ length: 65_536 }, (_, index) => index)
    expect(await tab.run((sent) => sent.map((byte) => byte ^ 255), bytes)).toEqual(
      bytes.map((byte) => byte ^ 255),
    )
  })

  test(`a ${engine} page that breaks its policy is noticed`, async ({ tabs }) => {
    tabs.expectProblem(/./)
    const strict = await Site.start({ csp: "script-src 'self'; require-trusted-types-for 'script'" })
    try {
      const tab = await tabs.open(engine, `${strict.origin}/page/breaks-policy`)
      expect(await strict.report('breaks-policy')).toEqual({ evaluated: false, markedUp: false })
      await expect.poll(() => strict.cspViolations.length).toBeGreaterThanOrEqual(2)
      await expect.poll(() => tab.problems.join()).toMatch(/policy violation/)
    } finally {
      await strict.close()
    }
  })
}

test('tabs of a killed process say no goodbye, and a closed tab does', async ({ tabs, site }) => {
  const listener = await tabs.open('chromium', `${site.origin}/bare`)
  const context = listener.page.context()
  const sibling = await tabs.openIn(context, 'chromium', `${site.origin}/bare`)
  await listener.run(() => {
    window.kept.goodbye = new Promise((resolve) => {
      new BroadcastChannel('goodbyes').onmessage = ({ data }) => resolve(data)
    })
  })
  await sibling.run(() => {
    const channel = new BroadcastChannel('goodbyes')
    addEventListener('pagehide', () => channel.postMessage('goodbye'))
  })
  await sibling.close()
  expect(await listener.run(() => window.kept.goodbye)).toBe('goodbye')

  const doomed = await tabs.openDoomed('chromium', 1, `${site.origin}/bare`)
  await doomed.kill()
  await expect(doomed.tabs[0]!.run(() => 1)).rejects.toThrow(/closed/)
})
