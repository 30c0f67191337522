/**
 * `test` with what scenarios need. A scenario that leaves an unexpected error in any tab fails.
 *
 *   test('a value put in one tab is read in another', async ({ tabs, network }) => { … })
 */
import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test as base, expect } from '@playwright/test'
import { resultsFolder } from '../site/repository.js'
import { SignalingServer } from '../site/signaling.js'
import { Site } from '../site/site.js'
import type { JoinOptions } from './page-globals.js'
import { Browsers, Tabs } from './tabs.js'

export { engines } from '../browsers/find.js'
export { expect }

interface Fixtures {
  site: Site
  server: SignalingServer
  tabs: Tabs
  /** Options of `createNode` for a network that no other scenario is in, introduced by `server`. */
  network: JoinOptions
  /** An empty folder for a browser profile. */
  profile: string
}

export const test = base.extend<Fixtures, { browsers: Browsers }>({
  browsers: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern to learn what a fixture depends on.
    async ({}, use) => {
      const browsers = new Browsers()
      await use(browsers)
      await browsers.close()
    },
    { scope: 'worker' },
  ],
  // biome-ignore lint/correctness/noEmptyPattern: as above.
  site: async ({}, use) => {
    const site = await Site.start()
    await use(site)
    await site.close()
  },
  server: async ({ tabs }, use) => {
    const server = await SignalingServer.start()
    await use(server)
    // Tabs go first: that the server went is no problem of theirs.
    await tabs.close()
    await server.kill()
  },
  tabs: async ({ browsers, site }, use, testInfo) => {
    const tabs = new Tabs(browsers, `${site.origin}/`)
    await use(tabs)
    await tabs.close()
    const problems = [...tabs.problems(), ...site.cspViolations]
    if (problems.length > 0) await testInfo.attach('problems', { body: problems.join('\n') })
    expect(problems, 'errors that appeared in tabs').toEqual([])
  },
  network: async ({ server }, use) => {
    await use({ network: randomUUID(), bootstrap: [server.address] })
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above.
  profile: async ({}, use) => {
    const folder = join(resultsFolder, 'profiles', randomUUID())
    await mkdir(folder, { recursive: true })
    await use(folder)
    await rm(folder, { recursive: true, force: true })
  },
})
