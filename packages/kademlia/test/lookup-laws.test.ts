import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Id, idKey, Lookup, type LookupInput } from '../src/index.js'
import { anyId, type Contact, closestByForce, crowdedId, tinyId } from './ids.js'
import { drive, perfectNetwork, type Reaction } from './lookup-driver.js'

const fewIds = fc.integer({ min: 0, max: 63 }).map((number) => tinyId(number.toString(2).padStart(6, '0')))

const shape = fc.record({
  k: fc.integer({ min: 1, max: 6 }),
  alpha: fc.integer({ min: 1, max: 5 }),
  paths: fc.integer({ min: 1, max: 4 }),
  slowAfterMs: fc.integer({ min: 1, max: 40 }),
  timeoutMs: fc.integer({ min: 20, max: 60 }),
})

describe('on a perfect network', () => {
  test('a lookup finds the true k closest, whatever the delays, alpha and paths', () => {
    const ids = fc.uniqueArray(fc.oneof(anyId, crowdedId), {
      minLength: 2,
      maxLength: 40,
      size: 'max',
      selector: idKey,
    })
    const delays = fc.infiniteStream(fc.integer({ min: 1, max: 19 }))
    fc.assert(
      fc.property(ids, anyId, shape, delays, ([own, ...others], target, options, delayMs) => {
        const answer = perfectNetwork(own!, others, options.k)
        const seeds = answer(own!, target)
        const outcome = drive(new Lookup({ ...options, target, own: own!, seeds }), options, ({ id }) => ({
          type: 'reply',
          afterMs: delayMs.next().value,
          closer: answer(id, target),
        }))
        const expected = closestByForce(
          others.map((id) => ({ id })),
          target,
          options.k,
        )
        expect(outcome.closest).toEqual(expected)
      }),
      { numRuns: 150 },
    )
  })
})

describe('on a network where some are silent, some refuse and some name anybody', () => {
  test('a lookup ends in time, asks nobody twice, and gives the closest of those that answered', () => {
    const reaction: fc.Arbitrary<Reaction> = fc.oneof(
      fc.constant<Reaction>({ type: 'silence' }),
      fc.record({ type: fc.constant('failure' as const), afterMs: fc.integer({ min: 1, max: 90 }) }),
      fc.record({
        type: fc.constant('reply' as const),
        afterMs: fc.integer({ min: 1, max: 90 }),
        closer: fc.array(fewIds.map((id) => ({ id }))),
      }),
    )
    const reactions = fc.array(reaction, { minLength: 64, maxLength: 64 })
    fc.assert(
      fc.property(
        fewIds,
        fewIds,
        fc.array(fewIds),
        shape,
        reactions,
        (target, own, seedIds, options, byId) => {
          const react = ({ id }: Contact) => byId[id[0]! >> 2]!
          const lookup = new Lookup<Contact>({
            ...options,
            target,
            own,
            seeds: seedIds.map((id) => ({ id })),
          })
          const { closest, asked, tookMs } = drive(lookup, options, react)
          expect(tookMs).toBeLessThanOrEqual(asked.length * options.timeoutMs)
          expect(closest.length).toBeLessThanOrEqual(options.k)
          const inTime = asked.filter((contact) => {
            const how = react(contact)
            return how.type === 'reply' && how.afterMs < options.timeoutMs
          })
          const answered = asked
            .filter((contact) => react(contact).type === 'reply')
            .map(({ id }) => idKey(id))
          for (const { id } of closest) expect(answered).toContain(idKey(id))
          expect(closest.length).toBeGreaterThanOrEqual(Math.min(options.k, inTime.length, 1))
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** What the outside saw happen to a contact, enough to foretell what the machine must say. */
interface Seen {
  readonly id: Id
  /** Without an answer until then. */
  failsAtMs: number
  end: 'none' | 'answered' | 'failed'
}

type Action =
  | { readonly type: 'next' }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'reply'; readonly from: Id; readonly closer: readonly Contact[] }
  | { readonly type: 'failure'; readonly from: Id }
  | { readonly type: 'again'; readonly from: Id; readonly forMs: number }

const contacts = fc.array(
  fewIds.map((id) => ({ id })),
  { maxLength: 8 },
)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Action>({ type: 'next' }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 30 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('reply' as const), from: fewIds, closer: contacts }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('failure' as const), from: fewIds }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('again' as const),
      from: fewIds,
      forMs: fc.integer({ min: 1, max: 60 }),
    }),
  },
)

describe('under any history of replies, failures and time', () => {
  test('a lookup names every input rightly, ends, and gives the k closest that answered', () => {
    fc.assert(
      fc.property(
        fc.record({ target: fewIds, own: fewIds, seeds: contacts, options: shape }),
        fc.array(action, { maxLength: 150, size: 'max' }),
        ({ target, own, seeds, options }, history) => {
          const witness = new Witness(
            new Lookup<Contact>({ ...options, target, own, seeds }),
            options.timeoutMs,
          )
          for (const each of history) witness.act(each)
          const closest = witness.waitForEnd()
          expect(closest.map(({ id }) => id)).toEqual(
            closestByForce(witness.answered, target, options.k).map(({ id }) => id),
          )
        },
      ),
      { numRuns: 400 },
    )
  })
})

/** Acts on a lookup and foretells its outcomes from what went in and out alone. */
class Witness {
  #now = 0
  #closest: readonly Contact[] | undefined
  /** Who had answered when the lookup ended; what came later changes nothing. */
  answered: Contact[] = []
  readonly #seen = new Map<string, Seen>()
  readonly #lookup: Lookup<Contact>
  readonly #timeoutMs: number

  constructor(lookup: Lookup<Contact>, timeoutMs: number) {
    this.#lookup = lookup
    this.#timeoutMs = timeoutMs
  }

  act(action: Action): void {
    switch (action.type) {
      case 'next':
        this.#step()
        return
      case 'pass':
        this.#now += action.ms
        return
      case 'reply':
        expect(this.#lookup.onReply(action.from, action.closer, this.#now)).toBe(
          this.#foretell(action.from, 'answered'),
        )
        return
      case 'failure':
        expect(this.#lookup.onFailure(action.from, this.#now)).toBe(this.#foretell(action.from, 'failed'))
        return
      case 'again':
        this.#lookup.onAskedAgain(action.from, this.#now, action.forMs)
        this.#foretellMore(action.from, action.forMs)
        return
    }
  }

  /** Nobody answers any more. */
  waitForEnd(): readonly Contact[] {
    for (let steps = 0; steps < 1_000 && !this.#closest; steps++) {
      const untilMs = this.#step()
      if (untilMs !== undefined) this.#now = untilMs
    }
    if (!this.#closest) throw new Error('The lookup does not terminate')
    return this.#closest
  }

  #step(): number | undefined {
    const step = this.#lookup.next(this.#now)
    switch (step.type) {
      case 'ask': {
        const key = idKey(step.contact.id)
        expect(this.#seen.has(key), 'nobody is asked twice').toBe(false)
        expect(key, 'the node does not ask itself').not.toBe(idKey(this.#lookup.own))
        this.#seen.set(key, {
          id: step.contact.id,
          failsAtMs: this.#now + this.#timeoutMs,
          end: 'none',
        })
        return undefined
      }
      case 'wait':
      case 'at-capacity':
        expect(step.untilMs).toBeGreaterThan(this.#now)
        return step.untilMs
      case 'finished':
        if (this.#closest) return undefined
        this.#closest = step.closest
        this.answered = [...this.#seen.values()].filter(({ end }) => end === 'answered')
        return undefined
    }
  }

  #foretell(from: Id, end: 'answered' | 'failed'): LookupInput | undefined {
    const seen = this.#seen.get(idKey(from))
    if (!seen) return 'rogue'
    if (seen.end === 'answered' || (seen.end === 'failed' && end === 'failed')) return 'duplicate'
    const inTime = seen.end === 'none' && this.#now < seen.failsAtMs
    seen.end = end
    return inTime && !this.#closest ? 'accepted' : 'late'
  }

  #foretellMore(id: Id, forMs: number): void {
    const seen = this.#seen.get(idKey(id))
    if (!seen || seen.end === 'answered' || this.#closest) return
    seen.failsAtMs = Math.max(this.#now + forMs, seen.end === 'none' ? seen.failsAtMs : 0)
    seen.end = 'none'
  }
}
