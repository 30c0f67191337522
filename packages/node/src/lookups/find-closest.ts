/**
 * The k nodes closest to an id. Fast: alpha packets `toward` it, one round trip, since the node at the end of the way
 * keeps links to its own k nearest. Careful, when those time out: the iterative lookup.
 */
import { compareDistances, equalIds, type Id, idKey, isCloser } from '@kadrtc/kademlia'
import type { CancelSignal } from '../cancel-signal.js'
import type { Timer } from '../ports/clock.js'
import { linkedReplicas } from '../replication/replica-rank.js'
import type { Answer, Question } from '../rpc/question.js'
import { carefulLookup } from './careful-lookup.js'
import { type Contact, contactsBehind } from './contact.js'
import { knownNear } from './known-near.js'
import { type View, whoKnowsTheLast } from './last-subtree.js'
import type { LookupPorts } from './lookup-ports.js'
import { firstWays, fixedCorners, waysToReplicas } from './ways.js'

/** Two ends of the way that are asked independently: what one does not know or hides, the other names. */
const agreeing = 2

/** To a key that is far so many more ways are taken than alpha: of 1,500 nodes a put took 215 ms with two more, 227 with none. */
const waysMore = 2

export interface FindClosestOptions {
  /** How many to name; default k. */
  readonly count?: number
  /** Over so many disjoint paths, carefully; 0, the default: the fast way, and carefully only if that brings nothing. */
  readonly paths?: number
  readonly signal?: CancelSignal | undefined
  /**
   * What to do when the fast answers do not say for certain who the last of the k closest are. One more node is asked who
   * does: 'tell' resolves meanwhile, and `onHeard` is told; 'wait' waits. Default: nobody is asked.
   */
  readonly inDoubt?: 'tell' | 'wait'
  /** Who is said to be near this node's own id, with no way to them: nobody names them again, and they are behind whoever answers. */
  readonly named?: readonly Id[]
  /** Told after each fast answer who the k closest are, as far as is known then. */
  readonly onHeard?: (closest: readonly Contact[]) => void
}

/** Nearest first, without this node itself; fewer than `count` when fewer are known. Rejects only with the reason of `signal`. */
export async function findClosest(
  ports: LookupPorts,
  target: Id,
  options: FindClosestOptions = {},
): Promise<readonly Contact[]> {
  const heard = new Map<string, Contact>()
  const hear = (contacts: readonly Contact[]) => {
    for (const contact of contacts) {
      const key = idKey(contact.id)
      const known = heard.get(key)
      const shorter = !known || contact.route.length < known.route.length
      if (shorter && !equalIds(contact.id, ports.own)) heard.set(key, contact)
    }
  }
  const count = options.count ?? ports.settings.k
  hear(linkedContacts(ports))
  let turn = 0
  const questionOf = (known: Iterable<Contact>) =>
    ({ type: 'find-node', target, ...knownNear(ports, target, known, turn++) }) as const
  const question = () => questionOf(heard.values())
  const bareQuestion = { type: 'find-node', target } as const
  const named = options.named ?? []
  const first = contactsBehind(named, [])
  // Away from home few are known who are near: to say whom takes longer than it saves.
  const isHome = equalIds(ports.own, target)
  const firstQuestion = () => (isHome ? questionOf([...first, ...heard.values()]) : bareQuestion)
  const paths = options.paths ?? 0
  let closest: readonly Contact[] = ports.links.closestNeighbours(target, count)
  let nearestView: View | undefined
  /** What the fast way brings once the careful way has begun. Bounded by the answers of the fast way. */
  let late: Contact[] | undefined
  const onAnswer = ({ responder, route, reply }: Answer<'find-node'>) => {
    const contacts = [{ id: responder, route }, ...contactsBehind([...reply.contacts, ...named], route)]
    const before = closest
    hear(contacts)
    late?.push(...contacts)
    if (late) return true
    if (!nearestView || isCloser(target, responder, nearestView.responder))
      nearestView = { responder, contacts: reply.contacts }
    // Who was none of the closest before is none now: only who is named can be new among them.
    const candidates = new Set([...before, ...contacts].map(({ id }) => idKey(id)))
    closest = nearest(
      [...candidates].flatMap((key) => heard.get(key) ?? []),
      target,
      count,
    )
    options.onHeard?.(closest)
    return closest.some(({ id }, rank) => !before[rank] || !equalIds(id, before[rank].id))
  }
  const enough = paths === 0 && (await askFast(ports, target, firstQuestion, onAnswer))
  if (!enough) {
    late = []
    const { closest: found } = await carefulLookup(ports, {
      target,
      own: ports.own,
      seeds: [...heard.values()],
      takeHeard: () => late?.splice(0) ?? [],
      k: count,
      paths: Math.max(1, paths),
      signal: options.signal,
      ask: async (_, way) => {
        // What goes its way over many links seldom brings an answer.
        const asked = way.kind === 'toward' ? bareQuestion : question()
        const { reply, route } = await ports.rpc.request(way, asked, { signal: options.signal })
        hear(contactsBehind(reply.contacts, route))
        return { contacts: reply.contacts, route }
      },
    })
    return found
  }
  const last = nearestView && whoKnowsTheLast(target, ports.own, nearestView, ports.settings.k)
  const contact = options.inDoubt && last && heard.get(idKey(last))
  if (contact) {
    const way = { kind: 'route', route: contact.route } as const
    const asked = ports.rpc.request(way, question(), { signal: options.signal })
    const asking = asked.then(onAnswer).catch(() => false)
    if (options.inDoubt === 'wait') await asking
  }
  return closest
}

/**
 * True when enough independent answers came; false when the careful way is needed. Where those nearest to the target
 * are linked our own table is a view like theirs: an answer that names nobody new agrees with it.
 */
function askFast(
  ports: LookupPorts,
  target: Id,
  question: () => Question<'find-node'>,
  /** Tells whether it changed who the closest are. */
  onAnswer: (answer: Answer<'find-node'>) => boolean,
): Promise<boolean> {
  const { own, rpc, links, settings, clock } = ports
  const isHome = equalIds(own, target)
  const isLinked = !isHome && linkedReplicas(own, target, links, settings.k).length > 0
  const ways = isHome
    ? firstWays(own, target, links, settings.alpha)
    : waysToReplicas(own, target, links, settings, fixedCorners(target), settings.alpha + waysMore)
  return new Promise((resolve) => {
    let open = ways.length
    let answers = 0
    let timer: Timer | undefined
    const settle = () => {
      timer?.cancel()
      resolve(answers > 0)
    }
    if (open === 0) return settle()
    timer = clock.setTimer(rpc.roundTrips.relayed.hedgeAfterMs, () => {
      rpc.noteSilence()
      settle()
    })
    for (const way of ways) {
      rpc
        .request(way, question())
        .then((answer) => {
          const isNews = onAnswer(answer)
          answers += isLinked && !isNews ? agreeing : 1
        })
        .catch(() => undefined)
        .finally(() => {
          open -= 1
          if (open === 0 || answers >= agreeing) settle()
        })
    }
  })
}

/** All linked peers, as contacts: the k nearest may all have died at once, and then the others know who is left. */
export function linkedContacts({ links }: LookupPorts): readonly Contact[] {
  return links.neighbours()
}

function nearest(contacts: Contact[], target: Id, count: number): Contact[] {
  return contacts.sort((a, b) => compareDistances(target, a.id, b.id)).slice(0, count)
}
