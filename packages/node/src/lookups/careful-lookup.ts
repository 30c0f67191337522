/**
 * Drives the lookup machine of `kademlia` over the overlay: iterative, alpha at once, over disjoint paths. Opens
 * no connection: each contact is asked along the route that named it, and by other ways when the answer is late.
 */
import { commonPrefixLength, type Id, isCloser, Lookup } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import type { LinkTable } from '../overlay/link-table.js'
import type { Clock, Timer } from '../ports/clock.js'
import { replicasShareBits } from '../replication/replica-rank.js'
import type { Rpc } from '../rpc/rpc.js'
import type { Way } from '../rpc/way.js'
import type { Settings } from '../settings.js'
import { AskedContact } from './asked-contact.js'
import { type Contact, contactsBehind } from './contact.js'

/** What one contact answered: the contacts it names, and whether the lookup has what it came for. */
export interface Findings {
  readonly contacts: readonly Id[]
  readonly route: readonly Id[]
  readonly enough?: boolean
}

/** Of the time in which a request may be answered, that for which a lookup waits: by then each contact was asked by all ways. */
const waitedFor = 0.5

/** Of the closest to a target so many are asked by every way there is: what a lookup is for is with them. A guess. */
const closestThatMatter = 6

export interface CarefulLookupOptions {
  readonly target: Id
  readonly own: Id
  readonly seeds: readonly Contact[]
  /** Asks one contact by a way that leads to it: FIND_NODE or FIND_VALUE. */
  readonly ask: (contact: Contact, way: Way) => Promise<Findings>
  /**
   * Takes what has been heard otherwise since it was last asked: late answers of the fast way. Whoever is said to be known in a
   * question is named by nobody else, and must be known here.
   */
  readonly takeHeard?: () => readonly Contact[]
  readonly signal?: CancelSignal | undefined
  readonly k?: number
  readonly paths?: number
}

/** How many of those near the target have answered: if 'enough' of them know of nothing, there is nothing. */
export type Heard = 'enough' | 'few' | 'nobody'

export interface CarefullyFound {
  /** The k closest contacts that answered, nearest first. With `enough`, those that had answered until then. */
  readonly closest: readonly Contact[]
  readonly heard: Heard
}

/** Rejects only with the reason of `signal`. */
export function carefulLookup(
  ports: {
    readonly clock: Clock
    readonly rpc: Rpc
    readonly links: LinkTable
    readonly settings: Settings
  },
  options: CarefulLookupOptions,
): Promise<CarefullyFound> {
  const { clock, rpc, settings } = ports
  const { target, own, seeds, signal } = options
  const k = options.k ?? settings.k
  const lookup = new Lookup<Contact>({
    target,
    own,
    seeds,
    k,
    alpha: settings.alpha,
    paths: options.paths ?? settings.paths,
    slowAfterMs: rpc.roundTrips.relayed.hedgeAfterMs,
    timeoutMs: settings.requestTimeoutMs * waitedFor,
    isSilent: ({ route }) => !rpc.isLively({ kind: 'route', route }),
  })
  const answered: Contact[] = []
  // A node links to its own k nearest.
  const nearBits = replicasShareBits(own, ports.links, settings.k)

  return new Promise((resolve, reject) => {
    let timer: Timer | undefined
    let done = false
    /** Whoever has not answered. Bounded by the contacts that a lookup asks. */
    const underWay = new Set<AskedContact<Findings>>()
    const abort = () => finish(() => reject(signal?.reason))
    const finish = (settle: () => void) => {
      if (done) return
      done = true
      timer?.cancel()
      for (const asked of underWay) asked.end()
      signal?.removeEventListener('abort', abort)
      settle()
    }
    const ask = (contact: Contact) => {
      const asked = new AskedContact<Findings>(ports, {
        contact,
        answered,
        ask: (way) => options.ask(contact, way),
        isNear: (id) => commonPrefixLength(id, contact.id) >= nearBits,
        isAmongClosest: () =>
          answered.filter(({ id }) => isCloser(target, id, contact.id)).length < closestThatMatter,
        onAnswer: (findings) => {
          underWay.delete(asked)
          answered.push({ id: contact.id, route: findings.route })
          lookup.onReply(contact.id, contactsBehind(findings.contacts, findings.route), clock.now())
          if (findings.enough) finish(() => resolve({ closest: answered, heard: 'enough' }))
          for (const other of underWay) other.onOtherAnswer()
          proceed()
        },
        onFailure: () => {
          lookup.onFailure(contact.id, clock.now())
          proceed()
        },
        onOneMoreWay: (forMs) => lookup.onAskedAgain(contact.id, clock.now(), forMs),
      })
      underWay.add(asked)
    }
    const proceed = () => {
      if (done) return
      timer?.cancel()
      timer = undefined
      lookup.hear(options.takeHeard?.() ?? [])
      for (;;) {
        const step = lookup.next(clock.now())
        switch (step.type) {
          case 'ask':
            ask(step.contact)
            break
          case 'wait':
          case 'at-capacity':
            timer = clock.setTimer(Math.max(1, step.untilMs - clock.now()), () => {
              rpc.noteSilence()
              proceed()
            })
            return
          case 'finished':
            finish(() => resolve(foundBy(lookup, step.closest, { k, isLinked: ports.links.size > 0 })))
            return
        }
      }
    }
    if (signal?.aborted) {
      finish(() => reject(signal.reason))
      return
    }
    signal?.addEventListener('abort', abort)
    proceed()
  })
}

/** In a network of fewer than k half of those who are known are enough: others may be gone. */
function foundBy(
  { asked }: Lookup<Contact>,
  closest: readonly Contact[],
  { k, isLinked }: { readonly k: number; readonly isLinked: boolean },
): CarefullyFound {
  if (closest.length === 0) return { closest, heard: 'nobody' }
  // Who has lost the last link meanwhile could not ask the others.
  const isEnough = closest.length >= k || (isLinked && 2 * closest.length >= asked)
  return { closest, heard: isEnough ? 'enough' : 'few' }
}
