/** A seed found in Node can be debugged in a browser: every engine gives the same run, event for event. */
import { join } from 'node:path'
import { replayScenario } from '@kadrtc/simulator'
import { bundleModule } from '../site/bundle-module.js'
import { compiledPages, requireBuilt } from '../site/repository.js'
import { engines, expect, test } from '../tabs/test.js'

const seeds = [7, 42]

for (const engine of engines) {
  test(`a simulation replays in ${engine} as in Node`, async ({ tabs, site }) => {
    site.provide('simulation', await bundleModule(requireBuilt(join(compiledPages, 'simulation.js'))))
    const tab = await tabs.open(engine, `${site.origin}/page/simulation`)
    for (const seed of seeds) {
      await test.step(`seed ${seed}`, async () => {
        const inNode = await replayScenario(seed)
        expect(inNode.events).toBeGreaterThan(5_000)
        expect(await tab.run((replayed) => window.simulation.replay(replayed), seed)).toEqual(inNode)
      })
    }
  })
}
