/**
 * What must hold at every moment, under whatever faults: budgets and bounds. One look at each node that is up or frozen, so that
 * thousands can be checked now and then.
 *
 *     const violations = atEveryMoment(cluster)
 */
import { idBits } from '@kadrtc/kademlia'
import { type Inspection, type KadNode, nodeBounds } from '@kadrtc/node'
import type { Cluster } from '../cluster.js'
import type { Member } from '../cluster-member.js'
import { nameOf, present } from './members.js'

/** Timers of a tab for each link that it may have: its links', its dials', its lookups', its repairs'. Soaks have seen 57 with 40. A guess. */
const timersPerLinkMax = 8
/**
 * What a frozen tab is to be told when it thaws, for each link that it may have: its own timers, and what peers sent until they lost
 * their links, which takes seconds. Soaks have seen 118 with 40. A guess.
 */
const waitingPerLinkMax = 50

/** All that is below, at once. */
export function atEveryMoment(cluster: Cluster<KadNode>): string[] {
  return each(cluster, (member, seen) => [
    ...linkBudget(member, seen),
    ...requestBudget(member, seen),
    ...queueBounds(member, seen, cluster),
  ])
}

/** No node has more links than its settings allow, nor two to one peer, nor one to itself. */
export function linkBudgets(cluster: Cluster<KadNode>): string[] {
  return each(cluster, linkBudget)
}

/** Requests under way are bounded by those that each link may carry, in both directions. */
export function requestBudgets(cluster: Cluster<KadNode>): string[] {
  return each(cluster, requestBudget)
}

/** Everything that a node, its tab or its links put by for later is bounded. */
export function queues(cluster: Cluster<KadNode>): string[] {
  return each(cluster, (member, seen) => queueBounds(member, seen, cluster))
}

function each(
  cluster: Cluster<KadNode>,
  check: (member: Member<KadNode>, seen: Inspection) => string[],
): string[] {
  return present(cluster).flatMap((member) =>
    check(member, member.node.inspect()).map((what) => `${nameOf(member)} ${what}`),
  )
}

function linkBudget({ node }: Member<KadNode>, { id, links }: Inspection): string[] {
  const { linksMax } = node.settings
  const peers = new Set(links.map(({ peer }) => peer))
  const violations = within('links', links.length, linksMax)
  if (peers.size < links.length) violations.push(`has ${links.length} links to ${peers.size} peers`)
  if (peers.has(id)) violations.push('has a link to itself')
  return violations
}

function requestBudget({ node }: Member<KadNode>, { links, counters }: Inspection): string[] {
  const { pending = 0, answering = 0, answered = 0, sent = 0 } = counters
  const requestsMax = links.length * node.settings.pendingPerLinkMax
  const violations = [
    ...within('requests under way', pending, requestsMax),
    ...within('requests of peers to answer', answering, requestsMax),
  ]
  if (answered > sent) violations.push(`had ${answered} answers to ${sent} requests`)
  return violations
}

function queueBounds(member: Member<KadNode>, seen: Inspection, { network }: Cluster<KadNode>): string[] {
  const { settings } = member.node
  const { counters, records, links } = seen
  const { channels = 0, channelBytes = 0, remembered = 0, avoided = 0, signals = 0 } = counters
  const { dials, expected } = member.tab.opening
  const { queueBytesMax, messageBytesMax } = network.limits
  const linkBytesMax = Math.max(queueBytesMax, messageBytesMax)
  const fullest = member.tab.links.reduce((most, { bufferedBytes }) => Math.max(most, bufferedBytes), 0)
  return [
    ...within('bytes waiting for one link', fullest, linkBytesMax),
    ...within('dials under way', Math.max(seen.dialling, dials), network.dialsMax),
    ...within('links expected', expected, network.dialsMax),
    ...within('records', records.count, settings.recordsMax),
    ...within('bytes of records', records.bytes, settings.recordBytesMax),
    ...within('published records', records.published, settings.publishedMax),
    ...within('contacts', seen.contacts, idBits * settings.contactsPerBucket),
    ...within('channels', channels, links.length * settings.channelsPerLinkMax),
    ...within('bytes waiting in channels', channelBytes, channels * nodeBounds.channelWaitingBytesMax),
    ...within('remembered records', remembered, nodeBounds.rememberedMax),
    ...within('avoided peers', avoided, nodeBounds.avoidedMax),
    ...within('signals under way', signals, nodeBounds.sentSignalsMax),
    ...within('timers', member.clock.timers, timersPerLinkMax * settings.linksMax),
    ...within('deliveries waiting for its thaw', member.clock.waiting, waitingPerLinkMax * settings.linksMax),
  ]
}

function within(what: string, count: number, max: number): string[] {
  return count > max ? [`has ${count} ${what}, ${max} allowed`] : []
}
