/** A network that is only a table of who is linked to whom, for tests of lookups alone: answers come after a set time. */
import { compareDistances, equalIds, type Id, idKey } from '@kadrtc/kademlia'
import { SeededRandom, StubIdentity, VirtualClock } from '@kadrtc/simulator'
import { contactsMax, isKnownContact } from '@kadrtc/wire'
import { KadrtcError } from '../src/errors.js'
import type { LookupPorts } from '../src/lookups/lookup-ports.js'
import { LinkTable } from '../src/overlay/link-table.js'
import type { Question } from '../src/rpc/question.js'
import type { Way } from '../src/rpc/way.js'
import { FakeLink, settingsWith } from './fake-link.js'

export type Asked = Question<'find-node'> | Question<'find-value'>

export function nearestFirst(ids: readonly Id[], target: Id): Id[] {
  return [...ids].sort((a, b) => compareDistances(target, a, b))
}

export function randomIds(seed: string, count: number): Id[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, () => StubIdentity.random(random).id)
}

/** Who names whom: each node is linked to its k nearest, and so to whoever has it among those. */
export function viewsOf(ids: readonly Id[], k: number): (of: Id, target: Id) => Id[] {
  const links = new Map(ids.map((id) => [idKey(id), new Set<Id>()]))
  for (const id of ids) {
    for (const sibling of nearestFirst(ids, id).slice(1, k + 1)) {
      links.get(idKey(id))!.add(sibling)
      links.get(idKey(sibling))!.add(id)
    }
  }
  return (of, target) => nearestFirst([...links.get(idKey(of))!], target).slice(0, contactsMax)
}

export interface ViewRigOptions {
  readonly ids: readonly Id[]
  readonly k: number
  /** How long the fast way takes: its packets end at the node closest to the target. */
  readonly firstMs: number
  /** How long a question along a route takes. */
  readonly alongMs: number
  /** Linked to the asking node, `ids[0]`. */
  readonly linked: readonly Id[]
  /** No route leads to these; packets that find their way themselves come there. */
  readonly offRoute?: readonly Id[]
}

function responderOf(way: Way, others: readonly Id[]): Id {
  switch (way.kind) {
    case 'toward':
      return nearestFirst(others, way.target)[0]!
    case 'link':
      return way.link.peer
    case 'route':
      return way.route.at(-1)!
  }
}

/** What a lookup of `ids[0]` needs, and what it asks. */
export function viewRig({ ids, k, firstMs, alongMs, linked, offRoute = [] }: ViewRigOptions) {
  const clock = new VirtualClock()
  const [own] = ids as [Id, ...Id[]]
  const view = viewsOf(ids, k)
  const asked: { readonly id: Id; readonly way: Way; readonly question: Asked }[] = []
  const request = async (way: Way, question: Asked) => {
    const target = question.type === 'find-node' ? question.target : question.keyId
    const others = ids.filter((id) => id !== own)
    const responder = responderOf(way, others)
    asked.push({ id: responder, way, question })
    await new Promise<void>((resolve) => clock.setTimer(way.kind === 'route' ? alongMs : firstMs, resolve))
    if (way.kind === 'route' && offRoute.includes(responder)) throw new KadrtcError('TIMEOUT')
    const { known } = question
    const contacts = view(responder, target).filter(
      (id) => !equalIds(id, own) && !(known && isKnownContact(known, id)),
    )
    const type = question.type === 'find-node' ? 'nodes' : 'value'
    const route = way.kind === 'route' ? way.route : [linked[0]!, responder]
    return { reply: { type, contacts, records: [], more: false }, responder, route, rttMs: 1 }
  }
  const settings = settingsWith({ k })
  const roundTrip = { hedgeAfterMs: 100 }
  const rpc = {
    request,
    noteSilence: () => undefined,
    isLively: () => true,
    roundTrips: { direct: roundTrip, relayed: roundTrip },
  }
  const links = new LinkTable(own, settings)
  for (const id of linked) links.add(new FakeLink(id, 10), 0)
  const ports = { own, clock, links, settings, rpc } as unknown as LookupPorts
  return { clock, ports, asked, view }
}
