/** A site for benchmarks: the page /page/bench has `window.bench`, and clocks are as fine as browsers allow. */
import { join } from 'node:path'
import { bundleModule } from '../site/bundle-module.js'
import { compiledPages } from '../site/repository.js'
import { Site } from '../site/site.js'

export async function startBenchSite(): Promise<Site> {
  const site = await Site.start({ isolated: true })
  site.provide('bench', await bundleModule(join(compiledPages, 'bench.js'), { minify: true }))
  return site
}
