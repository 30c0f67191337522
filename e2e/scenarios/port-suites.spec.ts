/** Every port has one suite. Here the implementations that only a browser has run theirs. */
import { join } from 'node:path'
import type { SuiteName } from '../pages/port-suites.js'
import { bundleModule } from '../site/bundle-module.js'
import { compiledPages, requireBuilt } from '../site/repository.js'
import { engines, expect, test } from '../tabs/test.js'

const suites: readonly SuiteName[] = [
  'RecordStore on IndexedDB',
  'Identity on WebCrypto',
  'LinkTransport on WebRTC',
]

for (const engine of engines) {
  test(`the ports’ suites hold in ${engine}`, async ({ tabs, site }) => {
    site.provide('port-suites', await bundleModule(requireBuilt(join(compiledPages, 'port-suites.js'))))
    const tab = await tabs.open(engine, `${site.origin}/page/port-suites`)
    for (const suite of suites) {
      await test.step(suite, async () => {
        const { cases, failures } = await tab.run((name) => window.portSuites.run(name), suite)
        expect(cases).toBeGreaterThan(5)
        expect(failures).toEqual({})
      })
    }
  })
}
