/**
 * The introduction server is killed: puts and gets go on, nodes that have no link meet, a tab that vanished is
 * replaced. The server comes back: a new tab joins and reads everything.
 */
import { unlinkedPair } from '../tabs/network-view.js'
import type { Tab } from '../tabs/tab.js'
import { serverGone } from '../tabs/tabs.js'
import { expect, test } from '../tabs/test.js'

/** Few replicas and few links for each bucket, so that not everybody is linked to everybody. */
const k = 2
const sparse = {
  k,
  limits: { linksPerBucket: 1, idleLinkMs: 1_000, greetingMs: 1_000, reintroductionMs: 3_000 },
}

test('the network lives on without its server, and takes it back', async ({ tabs, network, server }) => {
  tabs.expectProblem(serverGone)
  const options = { ...network, ...sparse }
  const [steady, fleeting] = await Promise.all([openSteady(), tabs.openDoomed('chromium', 1)])
  const vanishing = fleeting.tabs[0]!
  const everyone = [...steady, vanishing]
  await Promise.all(everyone.map((tab) => tab.join(options)))
  await everyone[0]!.put('before', 'the server dies')

  await server.kill()

  await test.step('puts and gets go on', async () => {
    for (const [index, tab] of everyone.entries()) {
      await tab.put(`after-${index}`, index)
      const reader = everyone[(index + 4) % everyone.length]!
      expect(await reader.get(`after-${index}`)).toBe(index)
      expect(await reader.get('before')).toBe('the server dies')
    }
  })

  await test.step('two nodes that have no link connect to each other', async () => {
    const [caller, callee] = await unlinkedPair(steady)
    expect(await callAndEcho(caller, callee)).toBe('hello')
    expect(await caller.peers()).toContain(callee.id)
  })

  await test.step('a tab that vanished is replaced in the tables of the others', async () => {
    await fleeting.kill()
    const stillListed = async () => {
      const tables = await Promise.all(steady.map((tab) => tab.peers()))
      return tables.filter((peers) => peers.includes(vanishing.id) || peers.length < k).length
    }
    await expect.poll(stillListed, { timeout: 30_000 }).toBe(0)
    for (const [index, tab] of steady.entries()) expect(await tab.get(`after-${index}`)).toBe(index)
  })

  await test.step('the server comes back, a new tab joins and reads everything', async () => {
    await server.restart()
    const newcomer = await tabs.open('chromium')
    // Nodes come back to the server at times of their own choosing; until one has, the newcomer tries again.
    await newcomer.join({ ...options, allowAlone: true })
    await expect.poll(() => newcomer.run(() => window.node.status), { timeout: 30_000 }).toBe('joined')
    expect(await newcomer.get('before')).toBe('the server dies')
    for (const index of everyone.keys()) expect(await newcomer.get(`after-${index}`)).toBe(index)
  })

  async function openSteady(): Promise<Tab[]> {
    return (await Promise.all([tabs.openMany('chromium', 7), tabs.openMany('firefox', 2)])).flat()
  }
})

async function callAndEcho(caller: Tab, callee: Tab): Promise<unknown> {
  await callee.run(() => {
    window.node.on('channel', (channel) => channel.on('message', (value) => channel.send(value)))
  })
  return caller.run(async (peer) => {
    const channel = await window.node.connect(peer)
    const echo = new Promise((resolve) => channel.on('message', resolve))
    channel.send('hello')
    return echo
  }, callee.id)
}
