/**
 * An app that imports kadrtc builds with every common bundler, with nothing configured but entry and output; what was
 * built runs under a strict policy. Types resolve for TypeScript apps of either kind.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../browsers/find.js'
import type { Build } from '../bundlers/built-page.js'
import { buildModuleWithEsbuild, buildScriptWithEsbuild } from '../bundlers/esbuild.js'
import { filesNamedBy, type InstalledApp, installApp } from '../bundlers/installed-app.js'
import { importAsModule, loadAsScript } from '../bundlers/no-bundler.js'
import { PolicedSite } from '../bundlers/policed-site.js'
import { complaintsOfTsc, resolutions } from '../bundlers/types.js'
import { buildWithVite } from '../bundlers/vite.js'
import { buildWithWebpack } from '../bundlers/webpack.js'
import { test as base, expect } from '../tabs/test.js'

const test = base.extend<object, { app: InstalledApp }>({
  app: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern to learn what a fixture depends on.
    async ({}, use) => {
      const app = await installApp()
      await use(app)
      await app.remove()
    },
    { scope: 'worker' },
  ],
})

interface Way {
  readonly title: string
  readonly build: Build
  /** The browsers of the two tabs. */
  readonly engines: readonly [Engine, Engine]
}

const ways: readonly Way[] = [
  { title: 'built by Vite', build: buildWithVite, engines: ['chromium', 'firefox'] },
  { title: 'built by webpack', build: buildWithWebpack, engines: ['chromium', 'chromium'] },
  {
    title: 'built by esbuild as a module',
    build: buildModuleWithEsbuild,
    engines: ['chromium', 'chromium'],
  },
  {
    title: 'built by esbuild as a script',
    build: buildScriptWithEsbuild,
    engines: ['chromium', 'chromium'],
  },
  { title: 'that loads a plain script', build: loadAsScript, engines: ['chromium', 'chromium'] },
  { title: 'that imports a plain module', build: importAsModule, engines: ['chromium', 'chromium'] },
]

// An app that does not even start posts no report; its errors are told when the wait ends.
test.describe.configure({ timeout: 45_000 })

for (const { title, build, engines } of ways) {
  test(`an app ${title} puts and gets in ${engines.join(' and ')}`, async ({
    app,
    tabs,
    network,
    server,
  }) => {
    const { folder, warnings } = await build(app.folder)
    expect(warnings, 'what the bundler complains of').toEqual([])
    const site = await PolicedSite.start(folder)
    try {
      const address = (me: string, peer: string) => {
        const query = { network: network.network, bootstrap: server.address, me, peer }
        return `${site.origin}/?${new URLSearchParams(query)}`
      }
      await Promise.all([
        tabs.open(engines[0], address('ann', 'bob')),
        tabs.open(engines[1], address('bob', 'ann')),
      ])
      const outcomes = await Promise.all([site.report('ann'), site.report('bob')])
      expect(outcomes).toEqual([
        { stored: 2, heard: 'hello from bob', links: 1 },
        { stored: 2, heard: 'hello from ann', links: 1 },
      ])
      expect(site.cspViolations).toEqual([])
    } finally {
      await site.close()
    }
  })
}

for (const specifier of ['kadrtc', 'kadrtc/browser']) {
  for (const resolution of Object.keys(resolutions) as (keyof typeof resolutions)[]) {
    test(`the types of ${specifier} are found with moduleResolution ${resolution}`, async ({ app }) => {
      expect(await complaintsOfTsc(app.folder, specifier, resolution)).toBe('')
    })
  }
}

test('every file that a package.json names is published', ({ app }) => {
  const missing = [...app.packages].flatMap(([name, { folder, manifest }]) =>
    filesNamedBy(manifest)
      .filter((file) => !existsSync(join(folder, file)))
      .map((file) => `${name}: ${file}`),
  )
  expect(missing).toEqual([])
})
