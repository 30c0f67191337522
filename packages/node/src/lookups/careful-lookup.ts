/**
 * Drives the lookup machine of `kademlia` over the overlay: iterative, alpha at once, over disjoint paths. Opens
 * no connection: each contact is asked along the route that named it; and since a relay may have died, and all whom it
 * named would be lost with it, once more through the nearest who has answered, when the answer is late.
 */
import { type Id, idKey, isCloser, Lookup } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import type { Clock, Timer } from '../ports/clock.js'
import type { Rpc } from '../rpc/rpc.js'
import type { Settings } from '../settings.js'
import { type Contact, contactsBehind } from './contact.js'

/** What one contact answered: the contacts it names, and whether the lookup has what it came for. */
export interface Findings {
  readonly contacts: readonly Id[]
  readonly route: readonly Id[]
  readonly enough?: boolean
}

export interface CarefulLookupOptions {
  readonly target: Id
  readonly own: Id
  readonly seeds: readonly Contact[]
  /** Asks one contact: FIND_NODE or FIND_VALUE. */
  readonly ask: (contact: Contact) => Promise<Findings>
  /**
   * Takes what has been heard otherwise since it was last asked: late answers of the fast way. Whoever is said to be known in a
   * question is named by nobody else, and must be known here.
   */
  readonly takeHeard?: () => readonly Contact[]
  readonly signal?: CancelSignal | undefined
  readonly k?: number
  readonly paths?: number
}

/**
 * The k closest contacts that answered, nearest first. With `enough`, those that had answered until then.
 * Rejects only with the reason of `signal`.
 */
export function carefulLookup(
  ports: { readonly clock: Clock; readonly rpc: Rpc; readonly settings: Settings },
  options: CarefulLookupOptions,
): Promise<readonly Contact[]> {
  const { clock, rpc, settings } = ports
  const { target, own, seeds, signal } = options
  const lookup = new Lookup<Contact>({
    target,
    own,
    seeds,
    k: options.k ?? settings.k,
    alpha: settings.alpha,
    paths: options.paths ?? settings.paths,
    slowAfterMs: rpc.roundTrips.relayed.hedgeAfterMs,
    timeoutMs: settings.requestTimeoutMs,
    isSilent: ({ route }) => !rpc.isLively({ kind: 'route', route }),
  })
  const answered: Contact[] = []

  return new Promise((resolve, reject) => {
    let timer: Timer | undefined
    let done = false
    /** For answers that are late. Bounded by the questions under way. */
    const late = new Set<Timer>()
    const abort = () => finish(() => reject(signal?.reason))
    const finish = (settle: () => void) => {
      if (done) return
      done = true
      timer?.cancel()
      for (const one of late) one.cancel()
      signal?.removeEventListener('abort', abort)
      settle()
    }
    /** Rejects when nothing has come by either way. */
    const askByTwoWays = (contact: Contact): Promise<Findings> =>
      new Promise((answer, fail) => {
        let open = 1
        let hasOtherWay = contact.route.length > 1
        let hedge: Timer | undefined
        const onFailure = (error: unknown) => {
          open -= 1
          askAgain()
          if (open === 0) fail(error)
        }
        const askAgain = () => {
          disarm()
          if (!hasOtherWay || done) return
          const route = anotherRoute(contact, answered)
          // Nobody has answered yet: the way may be found when this one has failed, or a little later.
          if (!route) return void (open > 0 && arm())
          hasOtherWay = false
          open += 1
          options.ask({ id: contact.id, route }).then(answer, onFailure)
        }
        const arm = () => {
          hedge = clock.setTimer(rpc.roundTrips.relayed.hedgeAfterMs, askAgain)
          late.add(hedge)
        }
        const disarm = () => {
          if (!hedge) return
          hedge.cancel()
          late.delete(hedge)
        }
        if (hasOtherWay) arm()
        options.ask(contact).then(answer, onFailure).finally(disarm)
      })
    const ask = async (contact: Contact) => {
      try {
        const findings = await askByTwoWays(contact)
        if (done) return
        answered.push({ id: contact.id, route: findings.route })
        lookup.onReply(contact.id, contactsBehind(findings.contacts, findings.route), clock.now())
        if (findings.enough) finish(() => resolve(answered))
      } catch {
        lookup.onFailure(contact.id, clock.now())
      }
      proceed()
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
            void ask(step.contact)
            break
          case 'wait':
          case 'at-capacity':
            timer = clock.setTimer(Math.max(1, step.untilMs - clock.now()), () => {
              rpc.noteSilence()
              proceed()
            })
            return
          case 'finished':
            finish(() => resolve(step.closest))
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

/** By the nearest to it of those who have answered, which is likely to be linked to it; undefined if that was the way already. */
function anotherRoute({ id, route }: Contact, answered: readonly Contact[]): readonly Id[] | undefined {
  const before = route.at(-2)
  let nearest: Contact | undefined
  for (const contact of answered) {
    const isOther = !before || idKey(contact.id) !== idKey(before)
    if (isOther && (!nearest || isCloser(id, contact.id, nearest.id))) nearest = contact
  }
  return nearest && [...nearest.route, id]
}
