/** Independent puts into the record store against idb-keyval's setMany, in a Chromium profile on disk. */
import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { resultsFolder } from '../site/repository.js'
import { Browsers, Tabs } from '../tabs/tabs.js'
import { startBenchSite } from './bench-site.js'
import { type Benchmark, medianRatio } from './measurement.js'

const records = 5_000
const valueBytes = 1_024

export const indexedDb: Benchmark = {
  aims: [
    {
      name: 'indexeddb.puts_vs_setmany',
      unit: 'ratio',
      better: 'higher',
      goal: 0.8,
      against: 'records per second of idb-keyval setMany(500), persistent context, values of 1 KiB',
    },
  ],
  async run(note) {
    const site = await startBenchSite()
    const tabs = new Tabs(new Browsers(), `${site.origin}/page/bench`)
    const folder = join(resultsFolder, 'profiles', randomUUID())
    await mkdir(folder, { recursive: true })
    try {
      const tab = await tabs.openIn(await tabs.profile('chromium', folder), 'chromium')
      const size = [records, valueBytes] as const
      const puts = () => tab.run(([count, bytes]) => window.bench.putRate(count, bytes), size)
      const setMany = () => tab.run(([count, bytes]) => window.bench.setManyRate(count, bytes), size)
      note(
        `warm: ${Math.round(await setMany())} records per second by setMany, ${Math.round(await puts())} by puts`,
      )
      return { 'indexeddb.puts_vs_setmany': await medianRatio(puts, setMany) }
    } finally {
      await tabs.close()
      await site.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
}
