/** 8 tabs, 5 Chromium and 3 Firefox, one network: every tab reads what every other tab put. */
import { expectSettled } from '../tabs/network-view.js'
import type { Tab } from '../tabs/tab.js'
import { expect, test } from '../tabs/test.js'

/** One of each kind that apps store, told apart by author. */
function valuesOf(author: number): Record<string, unknown> {
  return {
    [`text-${author}`]: `grüße from ${author} ✓`,
    [`json-${author}`]: { author, nested: { list: [1, null, true, 'two'] } },
    [`bytes-${author}`]: Uint8Array.from({ length: 300 }, (_, index) => index * author),
    [`large-${author}`]: Uint8Array.from({ length: 65_536 }, (_, index) => (index * 31 + author) % 251),
  }
}

test('every one of 8 tabs reads what every other put', async ({ tabs, network }) => {
  const opened = (await Promise.all([tabs.openMany('chromium', 5), tabs.openMany('firefox', 3)])).flat()
  await Promise.all(opened.map((tab) => tab.join(network)))
  expect(new Set(opened.map((tab) => tab.id)).size).toBe(8)

  await expectSettled(opened, 7)

  await Promise.all(opened.map((tab, author) => putAll(tab, valuesOf(author))))

  const all = Object.assign({}, ...opened.map((_, author) => valuesOf(author))) as Record<string, unknown>
  for (const tab of opened)
    expect(await getAll(tab, Object.keys(all)), `read by a ${tab.engine} tab`).toEqual(all)

  const contentId = await opened[0]!.run(() => window.node.add(new TextEncoder().encode('content')))
  for (const tab of opened) {
    const bytes = await tab.run((id) => window.node.fetch(id), contentId)
    expect(new TextDecoder().decode(bytes)).toBe('content')
  }
  expect(await opened[7]!.get('never put')).toBeUndefined()
})

test('what one author deletes is gone for all, and others keep theirs', async ({ tabs, network }) => {
  const [writer, rival, reader] = [
    await tabs.open('chromium'),
    await tabs.open('firefox'),
    await tabs.open('chromium'),
  ]
  for (const tab of [writer, rival, reader]) await tab.join(network)
  await writer.put('shared', 'mine')
  await rival.put('shared', 'theirs')
  const authors = await reader.run(async () =>
    (await window.node.getAll('shared')).map(({ author }) => author),
  )
  expect(authors.sort()).toEqual([writer.id, rival.id].sort())

  await rival.run(() => window.node.delete('shared').then(() => undefined))
  expect(await reader.get('shared', { author: rival.id })).toBeUndefined()
  expect(await reader.get('shared', { author: writer.id })).toBe('mine')
})

function putAll(tab: Tab, values: Record<string, unknown>): Promise<void> {
  return tab.run(async (given) => {
    await Promise.all(Object.entries(given).map(([key, value]) => window.node.put(key, value as string)))
  }, values)
}

function getAll(tab: Tab, keys: string[]): Promise<Record<string, unknown>> {
  return tab.run(async (names) => {
    const pairs = await Promise.all(names.map(async (name) => [name, await window.node.get(name)] as const))
    return Object.fromEntries(pairs)
  }, keys)
}
