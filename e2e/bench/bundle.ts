/** Gzipped size of the one file that a page imports, and of the same build with simple-peer left out. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { bundleModule } from '../site/bundle-module.js'
import { browserBundle, repositoryRoot, requireBuilt } from '../site/repository.js'
import type { Benchmark } from './measurement.js'

export const bundle: Benchmark = {
  aims: [
    {
      name: 'bundle.own_gz_kb',
      unit: 'kB',
      better: 'lower',
      goal: 30,
      against: 'the browser bundle without simple-peer, gzip -9, 1 kB = 1,000 B',
    },
    {
      name: 'bundle.total_gz_kb',
      unit: 'kB',
      better: 'lower',
      goal: 60,
      against: 'packages/kadrtc/dist/kadrtc.browser.js, likewise',
    },
  ],
  async run(note) {
    const entry = requireBuilt(join(repositoryRoot, 'packages/kadrtc/dist/index.js'))
    const own = await bundleModule(entry, { minify: true, external: [/^simple-peer/] })
    const total = readFileSync(requireBuilt(browserBundle))
    note(`before gzip: ${own.length} B of our own, ${total.length} B with simple-peer`)
    return { 'bundle.own_gz_kb': kilobytes(Buffer.from(own)), 'bundle.total_gz_kb': kilobytes(total) }
  },
}

function kilobytes(content: Buffer): number {
  return gzipSync(content, { level: 9 }).length / 1_000
}
