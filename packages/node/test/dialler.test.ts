import type { Id } from '@kadrtc/kademlia'
import { KadrtcError, type Link, type LinkTransport } from '@kadrtc/node'
import { VirtualClock } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'
import type { CancelSignal } from '../src/cancel-signal.js'
import { Dialler } from '../src/overlay/dialler.js'
import { FakeLink, keyNumber, tableOf, tinyId } from './fake-link.js'

const path = { send: () => undefined }

interface Dialled {
  readonly peer: Id
  open(): void
  fail(code: 'TIMEOUT' | 'REFUSED' | 'UNREACHABLE'): void
}

/** A dialler over a transport whose dials end when the test says so; as the port asks, dials to one peer are shared. */
function rig(dialsMax = 2) {
  const clock = new VirtualClock()
  const dialled: Dialled[] = []
  const waiting = new Map<Id, Set<{ resolve(link: Link): void; reject(error: unknown): void }>>()
  const dial = (peer: Id, _path: unknown, { signal }: { signal?: CancelSignal } = {}) =>
    new Promise<Link>((resolve, reject) => {
      const waiter = { resolve, reject }
      const standing = waiting.get(peer)
      const waiters = standing ?? new Set()
      waiting.set(peer, waiters.add(waiter))
      signal?.addEventListener('abort', () => {
        waiters.delete(waiter)
        reject(signal.reason)
      })
      if (standing) return
      const end = (settle: (waiter: typeof waiters extends Set<infer W> ? W : never) => void) => {
        waiting.delete(peer)
        for (const each of waiters) settle(each)
      }
      dialled.push({
        peer,
        open: () => end((each) => each.resolve(new FakeLink(peer))),
        fail: (code) => end((each) => each.reject(new KadrtcError(code))),
      })
    })
  const table = tableOf([])
  const transport = { dial } as unknown as LinkTransport
  return { clock, dialled, table, dialler: new Dialler(tinyId('0'), transport, table, clock, dialsMax) }
}

const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await undefined
}
const peer = tinyId('1')

describe('whom to dial', () => {
  test('nobody that is linked, being dialled, or oneself', () => {
    const { dialler, table } = rig()
    expect(dialler.wants(peer)).toBe(true)
    dialler.dial(peer, path).catch(() => undefined)
    table.add(new FakeLink(tinyId('10')), 0)
    expect([peer, tinyId('10'), tinyId('0')].map((id) => dialler.wants(id))).toEqual([false, false, false])
  })

  test('in the background only while a place is free', async () => {
    const { dialler, dialled } = rig(2)
    expect(['1', '10', '11'].map((bits) => dialler.tryDial(tinyId(bits), path))).toEqual([true, true, false])
    expect(dialler.underWay).toBe(2)
    dialled[0]!.open()
    await settled()
    expect(dialler.underWay).toBe(1)
    expect(dialler.tryDial(tinyId('11'), path)).toBe(true)
  })
})

describe('a dial that takes longer than one that works', () => {
  test('gives its place away, and twice as many are never under way', async () => {
    const { dialler, clock } = rig(2)
    const dialled = (bits: string) => dialler.tryDial(tinyId(bits), path)
    expect(['1', '10', '11'].map(dialled)).toEqual([true, true, false])
    expect([dialler.prompt, dialler.isSlow(peer)]).toEqual([2, false])
    await clock.advance(3_000)
    expect([dialler.prompt, dialler.isSlow(peer)]).toEqual([0, true])
    expect(['11', '100', '101'].map(dialled)).toEqual([true, true, false])
    await clock.advance(3_000)
    expect([dialler.underWay, dialler.hasRoom]).toEqual([4, false])
  })
})

describe('after a dial in vain', () => {
  test('who answered is left alone for a minute, and sooner dialled again by who has few links, or had one to it', async () => {
    for (const { links, waitS, wasLinked } of [
      { links: 5, waitS: 60, wasLinked: false },
      { links: 4, waitS: 5, wasLinked: false },
      { links: 5, waitS: 5, wasLinked: true },
    ]) {
      const { dialler, dialled, clock, table } = rig()
      for (let i = 0; i < links; i++) table.add(new FakeLink(keyNumber(i).id), 0)
      if (wasLinked) dialler.onLinkClosed(peer)
      dialler.tryDial(peer, path)
      dialled[0]!.fail('UNREACHABLE')
      await settled()
      expect(dialler.isApart(peer)).toBe(waitS === 60)
      await clock.advance(waitS * 1_000 - 1)
      expect(dialler.wants(peer)).toBe(false)
      await clock.advance(1)
      expect(dialler.wants(peer)).toBe(true)
    }
  })

  test('it is told of, unless who waited for it gave up', async () => {
    const { dialler, dialled } = rig()
    const failed: unknown[] = []
    dialler.onFailed = (...of) => failed.push(of)
    const abort = new AbortController()
    dialler.dial(peer, path, abort.signal).catch(() => undefined)
    abort.abort(new Error('enough'))
    await settled()
    expect(failed).toEqual([])
    dialler.tryDial(tinyId('10'), path)
    dialled.at(-1)!.fail('UNREACHABLE')
    await settled()
    expect(failed).toEqual([[tinyId('10'), 'UNREACHABLE']])
  })

  test('the peer is left alone, twice as long each time, and no longer than five minutes', async () => {
    const { dialler, dialled, clock } = rig()
    const waits: number[] = []
    for (let failure = 0; failure < 9; failure++) {
      dialler.tryDial(peer, path)
      dialled.at(-1)!.fail('TIMEOUT')
      await settled()
      let waitedMs = 0
      while (!dialler.wants(peer)) {
        await clock.advance(5_000)
        waitedMs += 5_000
      }
      waits.push(waitedMs / 1_000)
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300])
    expect(dialler.failures).toBe(9)
  })

  test('when a link to one that was cut off stands again, others that were are dialled at once, and nobody else', async () => {
    const [cutOff, another, gone, apart] = ['1', '10', '11', '100'].map(tinyId) as [Id, Id, Id, Id]
    for (const { opened, isForgiven } of [
      { opened: cutOff, isForgiven: true },
      { opened: gone, isForgiven: false },
      { opened: apart, isForgiven: false },
    ]) {
      const { dialler, dialled, table } = rig(4)
      for (let i = 0; i < 5; i++) table.add(new FakeLink(keyNumber(i).id), 0)
      for (const lost of [cutOff, another, gone]) dialler.onLinkClosed(lost)
      for (const id of [cutOff, another, gone, apart]) {
        dialler.tryDial(id, path)
        dialled.at(-1)!.fail(id === gone ? 'TIMEOUT' : 'UNREACHABLE')
        await settled()
      }
      dialler.onLinkOpened(opened)
      expect(dialler.wants(another)).toBe(isForgiven)
      expect([gone, apart].filter((id) => id !== opened && dialler.wants(id))).toEqual([])
    }
  })

  test('one that is dialled at once and still cut off is left alone for longer than before', async () => {
    const [cutOff, another] = [peer, tinyId('10')]
    const { dialler, dialled, clock } = rig()
    for (const id of [cutOff, another]) {
      dialler.onLinkClosed(id)
      dialler.tryDial(id, path)
      dialled.at(-1)!.fail('UNREACHABLE')
      await settled()
    }
    dialler.onLinkOpened(cutOff)
    dialler.tryDial(another, path)
    dialled.at(-1)!.fail('UNREACHABLE')
    await settled()
    await clock.advance(9_999)
    expect(dialler.wants(another)).toBe(false)
    await clock.advance(1)
    expect(dialler.wants(another)).toBe(true)
  })

  test('a dial that works forgives', async () => {
    const { dialler, dialled, clock } = rig()
    for (const end of ['fail', 'open', 'fail'] as const) {
      dialler.dial(peer, path).catch(() => undefined)
      if (end === 'open') dialled.at(-1)!.open()
      else dialled.at(-1)!.fail('REFUSED')
      await settled()
      if (end === 'fail') expect(dialler.wants(peer)).toBe(false)
      await clock.advance(5_000)
      expect(dialler.wants(peer)).toBe(true)
    }
  })

  test('of many such peers the oldest are forgotten: the memory is bounded', async () => {
    const { dialler, dialled } = rig(1_000)
    for (let i = 0; i < 513; i++) {
      dialler.tryDial(keyNumber(i).id, path)
      dialled.at(-1)!.fail('TIMEOUT')
    }
    await settled()
    expect(dialler.wants(keyNumber(0).id)).toBe(true)
    expect(dialler.wants(keyNumber(1).id)).toBe(false)
    expect(dialler.wants(keyNumber(512).id)).toBe(false)
  })
})

describe('a dial that several wait for', () => {
  test('is one dial, one place, and one failure', async () => {
    const { dialler, dialled } = rig()
    const waiting = [dialler.dial(peer, path), dialler.dial(peer, path)]
    expect(dialled).toHaveLength(1)
    expect(dialler.underWay).toBe(1)
    dialled[0]!.fail('TIMEOUT')
    for (const dial of waiting) await expect(dial).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(dialler.failures).toBe(1)
    expect(dialler.underWay).toBe(0)
  })

  test('goes on for the others when one gives up', async () => {
    const { dialler, dialled } = rig()
    const abort = new AbortController()
    const impatient = dialler.dial(peer, path, abort.signal)
    const patient = dialler.dial(peer, path)
    abort.abort(new Error('enough'))
    await expect(impatient).rejects.toThrow('enough')
    expect(dialler.underWay).toBe(1)
    dialled[0]!.open()
    expect((await patient).peer).toEqual(peer)
    expect(dialler.underWay).toBe(0)
  })

  test('giving up says nothing against the peer', async () => {
    const { dialler } = rig()
    const abort = new AbortController()
    const dial = dialler.dial(peer, path, abort.signal)
    abort.abort(new Error('enough'))
    await expect(dial).rejects.toThrow('enough')
    expect(dialler.wants(peer)).toBe(true)
    expect(dialler.failures).toBe(0)
  })
})
