/** What an app sees on a network of 16 Chromium tabs, k = 4 so that most values are remote: join, put and get. */
import { randomUUID } from 'node:crypto'
import type { BrowserContext } from '@playwright/test'
import { SignalingServer } from '../site/signaling.js'
import type { Site } from '../site/site.js'
import type { JoinOptions } from '../tabs/page-globals.js'
import type { Tab } from '../tabs/tab.js'
import { Browsers, Tabs } from '../tabs/tabs.js'
import { startBenchSite } from './bench-site.js'
import { type Benchmark, median, quantile, rounds } from './measurement.js'

const tabCount = 16
const k = 4
const valueBytes = 1_024
const valuesPerRound = 100

const libraries = 'js-libp2p kad-dht in 8 Chromium pages'

export const sixteenTabs: Benchmark = {
  aims: [
    {
      name: 'join.vs_raw_setup',
      unit: 'ratio',
      better: 'lower',
      goal: 15,
      against: 'one bare connection set-up in the same pages; the 16th tab of 16, from page script start',
    },
    {
      name: 'join.ms_p50',
      unit: 'ms',
      better: 'lower',
      goal: 300,
      against: `${libraries}: 2,200 ms to the first WebRTC peer; @streamr/dht: 600-900 ms`,
    },
    {
      name: 'put.p50_vs_raw_rtt',
      unit: 'ratio',
      better: 'lower',
      goal: 15,
      against: 'a bare ping-pong of 1 KiB between two of 16 tabs; a put is to a majority of k = 4 replicas',
    },
    {
      name: 'put.ms_p50',
      unit: 'ms',
      better: 'lower',
      goal: null,
      against: `${libraries}: 90 ms; @streamr/dht: 28-35 ms`,
    },
    {
      name: 'get.p50_vs_raw_rtt',
      unit: 'ratio',
      better: 'lower',
      goal: 6,
      against: 'a bare ping-pong of 1 KiB between two of 16 tabs',
    },
    {
      name: 'get.p99_vs_p50',
      unit: 'ratio',
      better: 'lower',
      goal: 5,
      against: 'the median of the same gets',
    },
    {
      name: 'get.ms_p50',
      unit: 'ms',
      better: 'lower',
      goal: null,
      against: `${libraries}: 61 ms; @streamr/dht: 9-17 ms`,
    },
  ],
  async run(note) {
    const site = await startBenchSite()
    const server = await SignalingServer.start()
    const browsers = new Browsers()
    const tabs = new Tabs(browsers, `${site.origin}/page/bench`)
    try {
      const context = await tabs.context('chromium')
      const options = { network: randomUUID(), bootstrap: [server.address], broadcast: false, k }
      const standing: Tab[] = []
      for (let index = 0; index < tabCount - 1; index++) {
        const tab = await tabs.openIn(context, 'chromium')
        await tab.join({ ...options, allowAlone: index === 0 })
        standing.push(tab)
      }
      note(`${standing.length} tabs have joined`)
      const joins = await measureJoins(tabs, context, site, options, standing[0]!)
      note(
        `joins: ${joins.ours.map(Math.round).join(' ')} ms; bare set-ups: ${joins.bare.map(Math.round).join(' ')} ms`,
      )
      const verbs = await measureVerbs(standing, note)
      for (const problem of tabs.problems()) note(problem)
      const joinRatios = joins.ours.map((ours, round) => ours / joins.bare[round]!)
      return { 'join.vs_raw_setup': median(joinRatios), 'join.ms_p50': median(joins.ours), ...verbs }
    } finally {
      await tabs.close()
      await browsers.close()
      await server.kill()
      await site.close()
    }
  },
}

/** The 16th tab comes and goes once a round; after each join, bare connections are set up between the page and another. */
async function measureJoins(
  tabs: Tabs,
  context: BrowserContext,
  site: Site,
  options: JoinOptions,
  listener: Tab,
): Promise<{ ours: number[]; bare: number[] }> {
  await listener.run(() => void window.bench.rawListen('join'))
  const query = new URLSearchParams({ options: JSON.stringify(options) })
  const ours: number[] = []
  const bare: number[] = []
  for (let round = 0; round < rounds; round++) {
    const newcomer = await tabs.openIn(context, 'chromium', `${site.origin}/page/bench-join?${query}`)
    ours.push(await newcomer.run(() => window.kept.joined as Promise<number>))
    await newcomer.run(() => window.node.close())
    await newcomer.page.goto(`${site.origin}/page/bench`)
    bare.push(
      await newcomer.run(async () => {
        const times: number[] = []
        for (let index = 0; index < 3; index++) {
          const link = await window.bench.rawDial('join')
          times.push(link.setupMs)
          link.close()
        }
        return times.sort((a, b) => a - b)[1]!
      }),
    )
    await newcomer.close()
  }
  return { ours, bare }
}

/** In each round one tab puts fresh values, another gets them, and two ping each other over a bare channel. */
async function measureVerbs(
  tabs: readonly Tab[],
  note: (text: string) => void,
): Promise<Record<string, number>> {
  const [author, reader, pinger, echoer] = [tabs[2]!, tabs[9]!, tabs[4]!, tabs[11]!]
  await echoer.run(() => void window.bench.rawListen('verbs'))
  await pinger.run(async () => {
    window.kept.raw = await window.bench.rawDial('verbs')
  })
  const puts: number[][] = []
  const gets: number[][] = []
  const pings: number[] = []
  for (let round = 0; round < rounds; round++) {
    const batch = { prefix: `round-${round}`, count: valuesPerRound, bytes: valueBytes }
    const ping = async () => median(await pinger.run(rawPings, { bytes: valueBytes, count: valuesPerRound }))
    const before = await ping()
    puts.push(await author.run(timedPuts, batch))
    const between = await ping()
    gets.push(await reader.run(timedGets, batch))
    pings.push(median([before, between, await ping()]))
  }
  const getMs = gets.flat()
  const putMs = puts.flat()
  const ratios = (verb: number[][]) => median(verb.map((times, round) => median(times) / pings[round]!))
  note(`bare ping-pong ${median(pings).toFixed(3)} ms; get p99 ${quantile(getMs, 0.99).toFixed(2)} ms`)
  return {
    'put.p50_vs_raw_rtt': ratios(puts),
    'put.ms_p50': median(putMs),
    'get.p50_vs_raw_rtt': ratios(gets),
    'get.p99_vs_p50': quantile(getMs, 0.99) / median(getMs),
    'get.ms_p50': median(getMs),
  }
}

interface Batch {
  prefix: string
  count: number
  bytes: number
}

/** These run in pages, and see nothing of this module. */
async function timedPuts({ prefix, count, bytes }: Batch): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const value = crypto.getRandomValues(new Uint8Array(bytes))
    const startedAt = performance.now()
    await window.node.put(`${prefix}-${index}`, value)
    times.push(performance.now() - startedAt)
  }
  return times
}

async function timedGets({ prefix, count, bytes }: Batch): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now()
    const value = await window.node.get(`${prefix}-${index}`)
    times.push(performance.now() - startedAt)
    if (!(value instanceof Uint8Array) || value.length !== bytes)
      throw new Error(`${prefix}-${index} was not found`)
  }
  return times
}

function rawPings({ bytes, count }: { bytes: number; count: number }): Promise<number[]> {
  return window.bench.pingPong((window.kept.raw as { channel: RTCDataChannel }).channel, bytes, count)
}
