/** Drives a lookup under a virtual clock over an imagined network, and checks on every step what must hold always. */
import { expect } from 'vitest'
import { type Id, idKey, type Lookup, RoutingTable } from '../src/index.js'
import type { Contact } from './ids.js'

/** How a contact reacts to being asked; one that stays silent runs into its timeout. */
export type Reaction =
  | { readonly type: 'reply'; readonly afterMs: number; readonly closer: readonly Contact[] }
  | { readonly type: 'failure'; readonly afterMs: number }
  | { readonly type: 'silence' }

export interface Outcome {
  readonly closest: readonly Contact[]
  readonly asked: readonly Contact[]
  readonly tookMs: number
}

interface Limits {
  readonly alpha: number
  readonly slowAfterMs: number
  readonly timeoutMs: number
}

export function drive(
  lookup: Lookup<Contact>,
  { alpha, slowAfterMs, timeoutMs }: Limits,
  react: (contact: Contact) => Reaction,
): Outcome {
  let now = 0
  const asked: Contact[] = []
  const answerDue = new Map<string, { id: Id; askedAtMs: number; reaction: Reaction }>()
  for (let steps = 0; steps < 10_000; steps++) {
    const step = lookup.next(now)
    switch (step.type) {
      case 'ask': {
        const key = idKey(step.contact.id)
        expect(
          asked.map(({ id }) => idKey(id)),
          'nobody is asked twice',
        ).not.toContain(key)
        expect(key, 'the node does not ask itself').not.toBe(idKey(lookup.own))
        asked.push(step.contact)
        answerDue.set(key, { id: step.contact.id, askedAtMs: now, reaction: react(step.contact) })
        const fresh = [...answerDue.values()].filter(
          ({ askedAtMs }) => now - askedAtMs < Math.min(slowAfterMs, timeoutMs),
        )
        expect(fresh.length, 'alpha is never exceeded').toBeLessThanOrEqual(alpha)
        break
      }
      case 'wait':
      case 'at-capacity': {
        expect(step.untilMs, 'a wait ends in the future').toBeGreaterThan(now)
        now = Math.min(step.untilMs, ...[...answerDue.values()].map(dueAtMs))
        for (const [key, due] of answerDue) {
          if (dueAtMs(due) > now) continue
          answerDue.delete(key)
          if (due.reaction.type === 'reply') lookup.onReply(due.id, due.reaction.closer, now)
          else lookup.onFailure(due.id, now)
        }
        break
      }
      case 'finished':
        expect(lookup.next(now + 1_000_000), 'the end is final').toBe(step)
        return { closest: step.closest, asked, tookMs: now }
    }
  }
  throw new Error('The lookup does not terminate')
}

function dueAtMs(due: { askedAtMs: number; reaction: Reaction }): number {
  return due.reaction.type === 'silence' ? Number.POSITIVE_INFINITY : due.askedAtMs + due.reaction.afterMs
}

/**
 * What each node of a perfect network answers to `own`: every bucket holds k nodes, or all there are. The asker itself is
 * left out, as it wastes a place of the k: with it, even a perfect network does not lead to all of the k closest.
 */
export function perfectNetwork(own: Id, ids: readonly Id[], k: number): (asked: Id, target: Id) => Contact[] {
  const tables = new Map([own, ...ids].map((id) => [idKey(id), new RoutingTable<Contact>(id, { k })]))
  for (const table of tables.values()) for (const id of ids) table.offer({ id })
  return (asked, target) => tables.get(idKey(asked))?.closest(target, k) ?? []
}
