/**
 * A peer that sends random bytes, truncated frames, giant lengths, forged records or forged signals costs its link and
 * nothing else: its victims go on serving each other.
 */
import { join } from 'node:path'
import { bundleModule } from '../site/bundle-module.js'
import { compiledPages, requireBuilt } from '../site/repository.js'
import type { Site } from '../site/site.js'
import type { Tab } from '../tabs/tab.js'
import type { Tabs } from '../tabs/tabs.js'
import { expect, test } from '../tabs/test.js'

test('what no honest peer sends costs the link it came on, and nothing else', async ({
  tabs,
  site,
  network,
  server,
}) => {
  const victims = await victimsOf(tabs, network)
  const intruder = await intruderOf(tabs, site)
  for (const attack of await intruder.run(() => window.hostile.attacks)) {
    await test.step(attack, async () => {
      const id = await arrive(intruder, network.network, server.address)
      await intruder.run((name) => window.hostile.attack(name), attack)
      for (const victim of victims) {
        await expect
          .poll(() => endOfLink(victim, id), { message: `${victim.engine}, after ${attack}` })
          .toBe('violation')
      }
      await intruder.run(() => window.hostile.leave())
      await expectToServe(victims, attack)
    })
  }
})

test('forged records, forged signals and unasked replies change nothing', async ({
  tabs,
  site,
  network,
  server,
}) => {
  const victims = await victimsOf(tabs, network)
  const [author, reader] = [victims[0]!, victims[2]!]
  const contentId = await author.run(() => window.node.add(new TextEncoder().encode('content')))
  await author.put('claimed', 'genuine')
  const constructed = () => Promise.all(victims.map((tab) => tab.connectionsConstructed()))
  const intruder = await intruderOf(tabs, site)
  await arrive(intruder, network.network, server.address)
  const before = await constructed()

  await intruder.run(() => {
    const stranger = crypto.getRandomValues(new Uint8Array(32))
    window.hostile.forgeRecord('claimed', stranger)
    window.hostile.forgeRecord('never put', stranger)
    window.hostile.forgeContent('00'.repeat(20))
    window.hostile.forgeSignals()
    window.hostile.unaskedReplies()
  })
  await intruder.run(() => window.hostile.leave())

  expect(await reader.get('claimed')).toBe('genuine')
  expect(await reader.run(async () => (await window.node.getAll('claimed')).length)).toBe(1)
  expect(await reader.get('never put')).toBeUndefined()
  const content = await reader.run((id) => window.node.fetch(id), contentId)
  expect(new TextDecoder().decode(content)).toBe('content')
  expect(await constructed(), 'a forged signal makes nobody construct a connection').toEqual(before)
  await expectToServe(victims, 'after all forgeries')
})

/** Three nodes that note how their links end. */
async function victimsOf(tabs: Tabs, network: Parameters<Tab['join']>[0]): Promise<Tab[]> {
  const victims = [await tabs.open('chromium'), await tabs.open('firefox'), await tabs.open('chromium')]
  for (const victim of victims) {
    await victim.join({ ...network, allowAlone: true })
    await victim.run(() => {
      const ends: Record<string, string> = {}
      window.kept.ends = ends
      window.node.on('unlink', ({ peer, reason }) => {
        ends[peer] ??= reason
      })
    })
  }
  await expect
    .poll(async () => (await Promise.all(victims.map((tab) => tab.peers()))).map(({ length }) => length))
    .toEqual([2, 2, 2])
  return victims
}

async function intruderOf(tabs: Tabs, site: Site): Promise<Tab> {
  site.provide('hostile-peer', await bundleModule(requireBuilt(join(compiledPages, 'hostile-peer.js'))))
  return tabs.open('chromium', `${site.origin}/page/hostile-peer`)
}

/** The intruder as a new peer, linked to all three. */
function arrive(intruder: Tab, network: string, server: string): Promise<string> {
  return intruder.run(([name, address]) => window.hostile.arrive(name, address, 3), [
    network,
    server,
  ] as const)
}

/** How a victim's first link to that peer ended; undefined while it stands. */
function endOfLink(victim: Tab, peer: string): Promise<string | undefined> {
  return victim.run((id) => (window.kept.ends as Record<string, string>)[id], peer)
}

async function expectToServe(victims: readonly Tab[], value: string): Promise<void> {
  for (const [index, victim] of victims.entries()) {
    await victim.put(`served by ${index}`, value)
    expect(await victims[(index + 1) % victims.length]!.get(`served by ${index}`)).toBe(value)
  }
}
