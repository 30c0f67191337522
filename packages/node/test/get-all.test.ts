/** All authors of a key, when their records need more than one reply. */
import { authorIdOf, compareDistances, idKey, keyIdOf, type SignedRecord } from '@kadrtc/kademlia'
import { describe, expect, test } from 'vitest'
import { askOn } from '../src/lookups/ask-on.js'
import type { Answer, Question } from '../src/rpc/question.js'
import type { Rpc } from '../src/rpc/rpc.js'
import { author, signed } from './made-records.js'
import { said, swarm, text } from './swarm.js'

const key = keyIdOf('key')

async function network() {
  const cluster = swarm({ settings: { k: 4 } })
  await cluster.grow(12)
  await cluster.clock.advance(5_000)
  return cluster
}

test('values that do not fit one reply are all read', async () => {
  const cluster = await network()
  for (const first of [0, 1, 2, 3]) {
    const value = new Uint8Array(50_000).fill(first)
    await cluster.run(cluster.node(first).records.put(key, { value, format: 0 }, { until: 'all' }))
  }
  for (const node of cluster.nodes) {
    const all = await cluster.run(node.records.getAll(key))
    expect(all.map(({ value }) => value[0]).sort()).toEqual([0, 1, 2, 3])
  }
})

test('nobody is hidden behind the newer records of many others', async () => {
  const cluster = await network()
  await cluster.run(cluster.node(3).records.put(key, text('honest'), { until: 'all' }))
  const nowMs = cluster.clock.wallMs()
  const nearestFirst = cluster.nodes.sort((a, b) => compareDistances(key, a.id, b.id))
  for (let i = 0; i < 150; i++) {
    const by = author(`crowd ${i}`)
    const record = signed({
      by,
      seq: nowMs + 500_000,
      expiresAtMs: nowMs + 3_600_000,
      value: Uint8Array.of(0),
    })
    for (const { records } of nearestFirst.slice(0, 4)) records.ports.shelf.offer(record)
  }
  for (const node of nearestFirst) {
    const all = await cluster.run(node.records.getAll(key))
    expect(all.length).toBe(151)
    expect(all.map(said)).toContain('honest')
  }
})

test('all of many replies are waited for, though none but a former holder has them', async () => {
  const cluster = await network()
  const nowMs = cluster.clock.wallMs()
  const nearestFirst = cluster.nodes.sort((a, b) => compareDistances(key, a.id, b.id))
  const former = nearestFirst[8]!
  for (let i = 0; i < 20; i++) {
    const value = new Uint8Array(60_000)
    const record = signed({ by: author(`large ${i}`), expiresAtMs: nowMs + 3_600_000, value })
    former.records.ports.shelf.offer(record)
  }
  for (const node of nearestFirst) expect((await cluster.run(node.records.getAll(key))).length).toBe(20)
})

describe('who is asked on', () => {
  const records = Array.from({ length: 6 }, (_, i) => signed({ by: author(`${i}`), expiresAtMs: 1 })).sort(
    (a, b) => (idOf(a) < idOf(b) ? -1 : 1),
  )
  const question: Question<'find-value'> = { type: 'find-value', keyId: key, all: true }

  /** What is told when the first reply has the first two records, and the following ones these. */
  async function told(replies: readonly { readonly has: readonly SignedRecord[]; readonly more: boolean }[]) {
    const asked: (string | undefined)[] = []
    const heard: number[] = []
    let last = false
    const answerOf = (has: readonly SignedRecord[], more: boolean) =>
      ({ reply: { type: 'value', nonce: 0, records: has, contacts: [], more }, route: [] }) as unknown
    const rpc = {
      request: async (_: unknown, { after }: Question<'find-value'>) => {
        const reply = replies[asked.push(after && idKey(after)) - 1] ?? replies.at(-1)!
        return answerOf(reply.has, reply.more)
      },
    }
    await askOn(rpc as unknown as Rpc, {
      question,
      answer: answerOf(records.slice(0, 2), true) as Answer<'find-value'>,
      onRecords: async (some, isLast) => {
        heard.push(...some.map((record) => records.indexOf(record as SignedRecord)))
        last = isLast
      },
      isDone: () => asked.length > 1_000,
    })
    return { asked, heard, last }
  }

  test('is told the last author of each reply', async () => {
    const { asked, heard, last } = await told([
      { has: records.slice(2, 4), more: true },
      { has: records.slice(4), more: false },
    ])
    expect(asked).toEqual([records[1]!, records[3]!].map(idOf))
    expect([heard, last]).toEqual([[2, 3, 4, 5], true])
  })

  test('and goes back, or has nothing more, is left alone', async () => {
    expect(await told([{ has: records.slice(0, 2), more: true }])).toMatchObject({ heard: [], last: false })
    expect(await told([{ has: [], more: true }])).toMatchObject({ heard: [], last: false })
    expect((await told([{ has: [], more: true }])).asked).toHaveLength(1)
    expect(await told([{ has: [], more: false }])).toMatchObject({ heard: [], last: true })
  })

  function idOf(record: SignedRecord): string {
    return idKey(authorIdOf(record))
  }
})
