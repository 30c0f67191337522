/** What puts and gets of the command come to, and what of them breaks a law. */
import { type Id, keyIdOf, type SignedRecord } from '@kadrtc/kademlia'
import { KadNode, KadrtcError } from '@kadrtc/node'
import { Cluster, constantLatency } from '@kadrtc/simulator'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Checks, Violation } from '../command/checks.js'
import type { OperationEvent } from '../command/events.js'
import { Operations } from '../command/operations.js'

let cluster: Cluster<KadNode>
let operations: Operations
let events: OperationEvent[]

beforeEach(async () => {
  cluster = new Cluster<KadNode>({
    seed: 7,
    createNode: (ports) => new KadNode(ports),
    start: (node) => node.start({ allowAlone: true }),
    stop: (node) => node.close(),
  })
  await cluster.grow(3)
  events = []
  operations = new Operations(cluster, {
    checks: new Checks(cluster),
    direct: constantLatency(20),
    valueBytes: 10,
    onDone: (event) => events.push(event),
  })
})

/** Whoever asks, this is what the node's own verb does. */
function verbs(get: (index: number, keyId: Id) => Promise<SignedRecord | undefined>): void {
  for (const { index, node } of cluster.members) {
    vi.spyOn(node.records, 'get').mockImplementation((keyId) => get(index, keyId))
  }
}

const recordOf = (seq: number): SignedRecord => ({
  kind: 'signed',
  keyId: keyIdOf('key'),
  author: new Uint8Array(32),
  seq,
  expiresAtMs: Number.MAX_SAFE_INTEGER,
  deleted: false,
  format: 0,
  value: new Uint8Array(0),
  signature: new Uint8Array(64),
})

describe('an operation of the command', () => {
  test('a put that half of the replicas or fewer have stored is missing', async () => {
    const outcomes: string[] = []
    for (const stored of [1, 10, 11, 20]) {
      for (const { node } of cluster.members) {
        vi.spyOn(node.records, 'put').mockResolvedValue({ stored, wanted: 20, seq: 1 })
      }
      outcomes.push((await cluster.run(operations.put()))!.outcome)
    }
    expect(outcomes).toEqual(['missing', 'missing', 'ok', 'ok'])
  })

  test('counts neither way when its node departed meanwhile, whether it succeeded or not', async () => {
    await cluster.run(operations.put())
    verbs(async (index) => {
      const left = cluster.depart(index)
      await left
      return recordOf(1)
    })
    await cluster.run(operations.get())
    verbs(async (index) => {
      await cluster.depart(index)
      throw new KadrtcError('CLOSED')
    })
    await cluster.run(operations.get())
    expect(events.map(({ outcome }) => outcome)).toEqual(['ok', 'interrupted', 'interrupted'])
  })

  test('counts neither way when its tab stood still meanwhile', async () => {
    await cluster.run(operations.put())
    verbs(async (index) => {
      operations.onFreeze(cluster.members[index]!)
      cluster.freeze(index)
      await new Promise<void>((resolve) => cluster.clock.setTimer(5_000, resolve))
      cluster.thaw(index)
      throw new KadrtcError('TIMEOUT')
    })
    await cluster.run(operations.get())
    expect(events.at(-1)!.outcome).toBe('interrupted')
    verbs(() => Promise.reject(new KadrtcError('TIMEOUT')))
    await cluster.run(operations.get())
    expect(events.at(-1)!.outcome).toBe('failed')
  })

  test('is not begun where nobody has joined', async () => {
    cluster.crashMany([0, 1, 2])
    expect(await operations.put()).toBeUndefined()
    expect(await operations.get()).toBeUndefined()
    expect(events).toEqual([])
  })
})

describe('a violation ends the run', () => {
  const running = async (work: Promise<unknown>) => {
    await work
    await cluster.clock.advance(1)
  }

  test('a verb that fails with what is no KadrtcError', async () => {
    await cluster.run(operations.put())
    verbs(() => Promise.reject(new TypeError('seq of undefined')))
    const run = running(cluster.run(operations.get()))
    await expect(run).rejects.toThrow(Violation)
    await expect(run).rejects.toThrow(
      /^After \d+\.\d{3} s of virtual time:\nA get by node \d failed with what is no KadrtcError: TypeError: seq of undefined\n +at /,
    )
  })

  test('a verb that never ends', async () => {
    await cluster.run(operations.put())
    verbs(() => new Promise(() => undefined))
    await expect(running(cluster.run(operations.get()))).rejects.toThrow(
      /A get by node \d did not end within 20 s/,
    )
  })

  test('a reader that is taken back to an older version', async () => {
    await cluster.run(operations.put())
    let seq = 9
    verbs(async () => recordOf(seq--))
    const gets = async () => {
      for (let i = 0; i < 8; i++) await cluster.run(operations.get())
    }
    await expect(running(gets())).rejects.toThrow(/saw sequence number \d+ of [0-9a-f]{40} by [0-9a-f]{40}/)
  })

  test('more links than a node allows itself', async () => {
    const checks = new Checks(cluster)
    checks.start()
    await cluster.clock.advance(11_000)
    const { node } = cluster.members[0]!
    const seen = node.inspect()
    const link = seen.links[0]!
    vi.spyOn(node, 'inspect').mockReturnValue({ ...seen, links: Array.from({ length: 65 }, () => link) })
    await expect(cluster.clock.advance(10_000)).rejects.toThrow(/has 65 links, 64 allowed/)
  })

  test('a start or a close that fails with what is no KadrtcError', async () => {
    const checks = new Checks(cluster)
    checks.watched('The start of a node', Promise.reject(new KadrtcError('SERVER_UNREACHABLE')))
    await cluster.clock.advance(1)
    checks.watched('The start of a node', Promise.reject(new RangeError('no')))
    await expect(cluster.clock.advance(1)).rejects.toThrow(
      /The start of a node failed with what is no KadrtcError: RangeError: no/,
    )
  })
})
