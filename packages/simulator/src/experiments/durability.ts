/**
 * Values that outlive everybody who was there when they were put: a day of churn in which every node is replaced some 144
 * times, and what it costs to keep them.
 *
 *     const { lost, repairRatio } = await durability({ seed: 7, nodes: 1_000, values: 10_000, forMs: 86_400_000 })
 *
 * What a repair costs is taken from the wire: all bytes of packets that carry a STORE, over every link they cross, while nobody
 * puts or gets. What it should cost is taken from the nodes: the bytes that each held when it died.
 */
import { decodeMessage, decodePacket } from '@kadrtc/wire'
import { Churn } from '../churn/churn.js'
import { exponential } from '../churn/session-lengths.js'
import type { MessageOnTheWay } from '../faults.js'
import { type GrowOptions, growSwarm, type Swarm } from './grow.js'
import { copiesOf, putValues, readUntil } from './mass-departure.js'
import { sum } from './measure.js'

export interface DurabilityOptions {
  readonly values?: number
  readonly valueBytes?: number
  /** Of the exponential distribution that sessions are drawn from. Default: ten minutes. */
  readonly meanSessionMs?: number
  /** How many departures of 1 are without a word. Default: all. */
  readonly crashFraction?: number
  /** Virtual time of churn. Default: a day. */
  readonly forMs?: number
  /** Told this often how many values are left. Default: half an hour. */
  readonly surveyEveryMs?: number
  readonly onSurvey?: (survey: DurabilitySurvey) => void
  /** A value that cannot be read so long after the churn is lost. */
  readonly patienceMs?: number
}

export interface DurabilitySurvey {
  readonly atMs: number
  readonly departures: number
  /** Values of which no living node has a copy. */
  readonly withoutCopy: number
  readonly copiesMean: number
  readonly copiesLeast: number
  /** As in the result, so far: a ratio of the two that falls is still settling. */
  readonly heldBytes: number
  readonly storeBytes: number
}

export interface DurabilityResult {
  readonly values: number
  /** Not readable at the end. */
  readonly lost: number
  /** Of these, those of which no living node has a copy. */
  readonly lostWithoutCopy: number
  readonly departures: number
  readonly failedStarts: number
  /** Bytes of records that nodes held when they departed. */
  readonly heldBytes: number
  /** Bytes of packets with a STORE in them, each time one crosses a link. */
  readonly storeBytes: number
  readonly stores: number
  /** `storeBytes` over `heldBytes`. */
  readonly repairRatio: number
  /** All that crossed links, joining and lookups included, per node and second. */
  readonly bytesPerNodeAndSecond: number
  readonly surveys: readonly DurabilitySurvey[]
}

/** A record lives no longer than this unless its author, who is gone, puts it again. */
const lifeMs = 7 * 86_400_000

export async function durability(options: GrowOptions & DurabilityOptions): Promise<DurabilityResult> {
  return measureDurability(await growSwarm(options), options)
}

export async function measureDurability(
  swarm: Swarm,
  options: DurabilityOptions = {},
): Promise<DurabilityResult> {
  const { values = 10_000, valueBytes = 1_024, meanSessionMs = 600_000, crashFraction = 1 } = options
  const { forMs = 86_400_000, surveyEveryMs = 1_800_000, patienceMs = 60_000, onSurvey } = options
  const random = swarm.random.fork('durability')
  const nodeCount = swarm.nodes.length
  const keys = await putValues(swarm, { values, valueBytes, random, lifeMs })
  const churn = new Churn(swarm, { lengths: exponential(meanSessionMs), crashFraction })
  const held = watchDepartures(swarm)
  const stores = watchStores(swarm, valueBytes)
  const bytesBefore = swarm.network.counters.messageBytes
  const surveys: DurabilitySurvey[] = []

  churn.start()
  for (let atMs = 0; atMs < forMs; ) {
    const stepMs = Math.min(surveyEveryMs, forMs - atMs)
    await swarm.clock.advance(stepMs)
    atMs += stepMs
    const copies = await copiesOf(swarm, keys)
    const survey: DurabilitySurvey = {
      atMs,
      departures: churn.counters.departures,
      withoutCopy: copies.filter((count) => count === 0).length,
      copiesMean: sum(copies) / copies.length,
      copiesLeast: Math.min(...copies),
      heldBytes: held.bytes,
      storeBytes: stores.bytes,
    }
    surveys.push(survey)
    onSurvey?.(survey)
  }
  churn.stop()
  held.stop()
  stores.stop()
  const bytes = swarm.network.counters.messageBytes - bytesBefore
  const reads = await readUntil(swarm, keys, swarm.clock.elapsedMs + patienceMs, random)
  const copies = await copiesOf(swarm, keys)
  return {
    values: keys.length,
    lost: reads.filter((tries) => tries === undefined).length,
    lostWithoutCopy: reads.filter((tries, index) => tries === undefined && copies[index] === 0).length,
    departures: churn.counters.departures,
    failedStarts: churn.counters.failedStarts,
    heldBytes: held.bytes,
    storeBytes: stores.bytes,
    stores: stores.count,
    repairRatio: stores.bytes / held.bytes,
    bytesPerNodeAndSecond: (bytes / nodeCount / forMs) * 1_000,
    surveys,
  }
}

/** What nodes hold when they go, with or without a word. */
function watchDepartures(swarm: Swarm): { readonly bytes: number; stop(): void } {
  const watch = { bytes: 0, stop }
  const { crash, depart } = swarm
  const note = (index: number) => {
    watch.bytes += swarm.node(index).inspect().records.bytes
  }
  swarm.crash = (index) => {
    note(index)
    crash.call(swarm, index)
  }
  swarm.depart = (index) => {
    note(index)
    return depart.call(swarm, index)
  }
  function stop(): void {
    Object.assign(swarm, { crash, depart })
  }
  return watch
}

/** Messages in which a STORE crosses a link, seen where they are sent. A shorter one than the value cannot be one. */
function watchStores(
  { network }: Swarm,
  valueBytes: number,
): { readonly bytes: number; readonly count: number; stop(): void } {
  const watch = { bytes: 0, count: 0, stop }
  const { drop } = network.faults
  network.faults.drop = (message: MessageOnTheWay) => {
    if (message.bytes.length > valueBytes && isStore(message.bytes)) {
      watch.bytes += message.bytes.length
      watch.count++
    }
    return drop?.(message) ?? false
  }
  function stop(): void {
    network.faults.drop = drop
  }
  return watch
}

function isStore(bytes: Uint8Array): boolean {
  const packet = decodePacket(bytes)
  return decodeMessage(packet.body).message.type === 'store'
}
