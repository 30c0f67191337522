import { KadrtcError } from '@kadrtc/node'
import { describe, expect, test } from 'vitest'
import {
  ConstructionBudget,
  type ConstructionLimits,
  constructionLimits,
} from '../src/construction-budget.js'
import { ManualClock } from './manual-clock.js'

function setUp(limits: Partial<ConstructionLimits> = {}) {
  const clock = new ManualClock()
  let encouraged = 0
  let collect = (): void => {}
  const budget = new ConstructionBudget(
    {
      clock,
      watchCollection: (collected) => {
        collect = collected
        return () => {}
      },
      encourageCollection: () => encouraged++,
    },
    { ...constructionLimits, ...limits },
  )
  const made: object[] = []
  const errors: unknown[] = []
  const construct = (options: { signal?: AbortSignal } = {}): void => {
    budget
      .construct((constructed) => {
        const target = {}
        constructed(target)
        made.push(target)
      }, options)
      .catch((error) => errors.push(error))
  }
  return { clock, budget, made, errors, construct, collect: () => collect(), encouraged: () => encouraged }
}

/** Lets rejections arrive. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
const codes = (errors: unknown[]) => errors.map((error) => (error as KadrtcError).code)

describe('construction budget', () => {
  test('a burst is constructed at once, the rest at the pace', () => {
    const t = setUp({ burst: 4, perMinute: 60 })
    for (let i = 0; i < 8; i++) t.construct()
    expect(t.made).toHaveLength(4)
    t.clock.pass(1_000)
    expect(t.made).toHaveLength(5)
    t.clock.pass(3_000)
    expect(t.made).toHaveLength(8)
    expect(t.clock.pendingTimers).toBe(0)
  })

  test('unused allowance is saved up to the burst and no further', () => {
    const t = setUp({ burst: 4, perMinute: 60 })
    t.clock.pass(3_600_000)
    for (let i = 0; i < 8; i++) t.construct()
    expect(t.made).toHaveLength(4)
  })

  test('construction waits near the cap, encourages collection, and goes on after it', () => {
    const t = setUp({ outstandingMax: 3 })
    for (let i = 0; i < 5; i++) t.construct()
    expect(t.made).toHaveLength(3)
    expect(t.encouraged()).toBe(1)
    t.clock.pass(100)
    expect(t.encouraged()).toBeGreaterThan(2)
    t.collect()
    expect(t.made).toHaveLength(4)
    t.collect()
    expect(t.made).toHaveLength(5)
    expect(t.budget.stats()).toEqual({ constructed: 5, collected: 2, outstanding: 3, waiting: 0 })
    expect(t.clock.pendingTimers).toBe(0)
  })

  test('when the registry never speaks the constructor is the judge', () => {
    const t = setUp({ outstandingMax: 2, burst: 20 })
    for (let i = 0; i < 10; i++) t.construct()
    t.clock.pass(constructionLimits.collectionWaitMs + 1_000)
    expect(t.made).toHaveLength(10)
  })

  test('a constructor that refuses is tried again after collection is encouraged', async () => {
    const t = setUp()
    let refusals = 3
    const done = t.budget.construct(() => {
      if (refusals-- > 0) throw new KadrtcError('BUSY')
      return 'made'
    })
    t.clock.pass(1_000)
    expect(await done).toBe('made')
    expect(t.encouraged()).toBe(3)
  })

  test('a wait that is too long ends with BUSY, one too many is refused at once', async () => {
    const t = setUp({ burst: 1, perMinute: 1, waitingMax: 2 })
    for (let i = 0; i < 4; i++) t.construct()
    await settled()
    expect(codes(t.errors)).toEqual(['BUSY'])
    t.clock.pass(constructionLimits.waitMs)
    await settled()
    expect(codes(t.errors)).toEqual(['BUSY', 'BUSY', 'BUSY'])
    expect(t.budget.stats().waiting).toBe(0)
  })

  test('what else the constructor throws is passed on, and costs the others nothing', async () => {
    const t = setUp()
    await expect(
      t.budget.construct(() => {
        throw new KadrtcError('NO_WEBRTC')
      }),
    ).rejects.toMatchObject({ code: 'NO_WEBRTC' })
    t.construct()
    expect(t.made).toHaveLength(1)
  })

  test('a construction that asks for another gets it, once', () => {
    const t = setUp()
    let inner = 0
    void t.budget.construct(() => {
      void t.budget.construct(() => inner++)
    })
    expect(inner).toBe(1)
  })

  test('a wait can be cancelled, and leaves nothing behind', async () => {
    const t = setUp({ burst: 0 })
    const cancel = new AbortController()
    t.construct({ signal: cancel.signal })
    cancel.abort('enough')
    await settled()
    expect(t.errors).toEqual(['enough'])
    expect(t.budget.stats().waiting).toBe(0)
  })

  test('close refuses all who wait', async () => {
    const t = setUp({ burst: 0 })
    t.construct()
    t.construct()
    t.budget.close()
    t.construct()
    await settled()
    expect(codes(t.errors)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
    expect(t.clock.pendingTimers).toBe(0)
  })
})
