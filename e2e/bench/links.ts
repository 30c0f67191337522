/** What a link costs: requests over it, and its set-up, against bare data channels between the same two Chromium pages. */
import { randomUUID } from 'node:crypto'
import { SignalingServer } from '../site/signaling.js'
import type { Tab } from '../tabs/tab.js'
import { Browsers, Tabs } from '../tabs/tabs.js'
import { startBenchSite } from './bench-site.js'
import { type Benchmark, median, medianRatio } from './measurement.js'

const payloadBytes = 500
const pingsPerRound = 300
const outstanding = 32
const requestsPerRound = 3_000
const dialsPerRound = 5

export const links: Benchmark = {
  aims: [
    {
      name: 'rpc.rtt_vs_raw',
      unit: 'ratio',
      better: 'lower',
      goal: 1.1,
      against: `p50 of a bare RTCDataChannel ping-pong of ${payloadBytes} B, same two Chromium pages`,
    },
    {
      name: 'rpc.rate_vs_raw',
      unit: 'ratio',
      better: 'higher',
      goal: 0.9,
      against: `bare echoes per second, ${outstanding} outstanding of ${payloadBytes} B, same two Chromium pages`,
    },
    {
      name: 'link.setup_vs_raw',
      unit: 'ratio',
      better: 'lower',
      goal: 1.5,
      against: 'p50 set-up of bare RTCPeerConnections with a shared certificate, same two Chromium pages',
    },
  ],
  async run(note) {
    const site = await startBenchSite()
    const server = await SignalingServer.start()
    const browsers = new Browsers()
    const tabs = new Tabs(browsers, `${site.origin}/page/bench`)
    try {
      const context = await tabs.context('chromium')
      const [asker, answerer] = [
        await tabs.openIn(context, 'chromium'),
        await tabs.openIn(context, 'chromium'),
      ]
      await answerer.run(() => void window.bench.rawListen('raw'))
      const setup = await measureSetup(asker, answerer, server.address, note)
      const requests = await measureRequests(asker, answerer, server.address, note)
      for (const problem of tabs.problems()) note(problem)
      return { ...requests, 'link.setup_vs_raw': setup }
    } finally {
      await tabs.close()
      await browsers.close()
      await server.kill()
      await site.close()
    }
  },
}

async function measureRequests(asker: Tab, answerer: Tab, server: string, note: (text: string) => void) {
  // Signals go through the server, not through BroadcastChannel, as between strangers.
  const options = { network: randomUUID(), bootstrap: [server], broadcast: false }
  await answerer.join({ ...options, allowAlone: true })
  await asker.join(options)
  await asker.run(async () => {
    window.kept.raw = await window.bench.rawDial('raw')
  })
  const rawPing = async () => {
    const times = await asker.run(
      ({ bytes, count }) =>
        window.bench.pingPong((window.kept.raw as { channel: RTCDataChannel }).channel, bytes, count),
      { bytes: payloadBytes, count: pingsPerRound },
    )
    return median(times)
  }
  const ping = async () => {
    const times = await asker.run(
      async ({ peer, bytes, count }) => {
        const payload = new Uint8Array(bytes)
        const elapsed: number[] = []
        for (let index = 0; index < count; index++) {
          const startedAt = performance.now()
          await window.node.ping(peer, { payload })
          elapsed.push(performance.now() - startedAt)
        }
        return elapsed
      },
      { peer: answerer.id, bytes: payloadBytes, count: pingsPerRound },
    )
    return median(times)
  }
  const rawRate = () =>
    asker.run(
      ({ bytes, at, total }) =>
        window.bench.echoRate((window.kept.raw as { channel: RTCDataChannel }).channel, bytes, at, total),
      { bytes: payloadBytes, at: outstanding, total: requestsPerRound },
    )
  const rate = () =>
    asker.run(
      async ({ peer, bytes, at, total }) => {
        const payload = new Uint8Array(bytes)
        let sent = 0
        const startedAt = performance.now()
        const work = async () => {
          while (sent++ < total) await window.node.ping(peer, { payload })
        }
        await Promise.all(Array.from({ length: at }, work))
        return (1_000 * total) / (performance.now() - startedAt)
      },
      { peer: answerer.id, bytes: payloadBytes, at: outstanding, total: requestsPerRound },
    )
  note(`warm: ${(await rawPing()).toFixed(3)} ms bare, ${(await ping()).toFixed(3)} ms ours`)
  note(`warm: ${Math.round(await rawRate())} per second bare, ${Math.round(await rate())} ours`)
  return {
    'rpc.rtt_vs_raw': await medianRatio(ping, rawPing),
    'rpc.rate_vs_raw': await medianRatio(rate, rawRate),
  }
}

async function measureSetup(
  asker: Tab,
  answerer: Tab,
  server: string,
  note: (text: string) => void,
): Promise<number> {
  const open = (tab: Tab, network: string) =>
    tab.run(
      async ([name, address]) => {
        const page = await window.bench.openDiallingPage(name, address)
        window.kept.dialling = page
        return page.id
      },
      [network, server] as const,
    )
  const network = randomUUID()
  const peer = await open(answerer, network)
  await open(asker, network)
  const dials = async () => {
    const times = await asker.run(
      async ({ id, count }) => {
        const page = window.kept.dialling as { dialOnce(peer: string): Promise<number> }
        const elapsed: number[] = []
        for (let index = 0; index < count; index++) elapsed.push(await page.dialOnce(id))
        return elapsed
      },
      { id: peer, count: dialsPerRound },
    )
    return median(times)
  }
  const rawDials = async () => median(await asker.run(rawSetups, dialsPerRound))
  note(`warm: ${(await rawDials()).toFixed(1)} ms bare, ${(await dials()).toFixed(1)} ms ours`)
  const value = await medianRatio(dials, rawDials)
  for (const tab of [asker, answerer]) {
    await tab.run(() => (window.kept.dialling as { close(): Promise<void> }).close())
  }
  return value
}

/** Runs in the page. */
async function rawSetups(count: number): Promise<number[]> {
  const elapsed: number[] = []
  for (let index = 0; index < count; index++) {
    const link = await window.bench.rawDial('raw')
    elapsed.push(link.setupMs)
    link.close()
  }
  return elapsed
}
