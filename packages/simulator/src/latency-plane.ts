/** How far apart nodes are: a latency model gives the one-way delay between two of them. */
import { type Id, idToHex } from '@kadrtc/kademlia'
import type { SeededRandom } from './seeded-random.js'

/** The one-way delay of one message, in ms. Asked for each message: with jitter it differs each time. */
export type LatencyModel = (from: Id, to: Id) => number

/** Every pair is equally far apart. */
export function constantLatency(oneWayMs: number): LatencyModel {
  return () => oneWayMs
}

export interface LatencyPlaneOptions {
  /** Of a direct round trip, over all pairs. 80 ms is about that between homes of one continent. */
  readonly medianRttMs?: number
  /** Of a round trip between neighbours: the last mile. */
  readonly leastRttMs?: number
  /** Mean extra delay of a message as a fraction of its way, exponentially distributed. */
  readonly jitter?: number
}

/** Median distance of two random points of the unit square. */
const medianDistance = 0.512

/**
 * Nodes are points of a square, placed by the seed and their ids, and a message takes time in proportion to the
 * distance. A node's place says nothing about its id's place in the key space.
 */
export function latencyPlane(random: SeededRandom, options: LatencyPlaneOptions = {}): LatencyModel {
  const { medianRttMs = 80, leastRttMs = 4, jitter = 0 } = options
  const leastMs = leastRttMs / 2
  const msPerUnit = (medianRttMs / 2 - leastMs) / medianDistance
  const places = random.fork('places')
  const delays = random.fork('jitter')
  // Weak, since ids are shared objects that live as long as their nodes; an equal id gets an equal place.
  const known = new WeakMap<Id, readonly [x: number, y: number]>()
  const placeOf = (id: Id) => {
    const place = known.get(id)
    if (place) return place
    const own = places.fork(idToHex(id))
    const fresh = [own.fraction(), own.fraction()] as const
    known.set(id, fresh)
    return fresh
  }
  return (from, to) => {
    const [x, y] = placeOf(from)
    const [u, v] = placeOf(to)
    const wayMs = leastMs + Math.sqrt((x - u) ** 2 + (y - v) ** 2) * msPerUnit
    return jitter === 0 ? wayMs : wayMs * (1 - jitter * Math.log(1 - delays.fraction()))
  }
}
