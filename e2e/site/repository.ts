/** Where things are in the repository, whether this runs as TypeScript under Playwright or compiled from dist/. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the workspace's package.json. */
export const repositoryRoot = findRoot(dirname(fileURLToPath(import.meta.url)))

/** What a page without a bundler imports: one self-contained ES module. */
export const browserBundle = join(repositoryRoot, 'packages/kadrtc/dist/kadrtc.browser.js')

/** The introduction server's program. */
export const signalingServerBin = join(repositoryRoot, 'signaling-server/dist/bin.js')

/** Modules that run inside pages, compiled from `pages/`. */
export const compiledPages = join(repositoryRoot, 'e2e/dist/pages')

/** Profiles, traces and reports of a run; ignored by git. */
export const resultsFolder = join(repositoryRoot, 'e2e/results')

/** Throws, saying how to build it, when a file that a run needs has not been built. */
export function requireBuilt(file: string): string {
  if (!existsSync(file)) throw new Error(`${file} is missing. Run "npm run build" first.`)
  return file
}

function findRoot(from: string): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'kadrtc-workspace')
      return folder
  }
  throw new Error(`no kadrtc workspace above ${from}`)
}
