/** Arithmetic and timing that experiments share. */
import type { Swarm } from './grow.js'

/** The smallest value that `fraction` of all values do not exceed; NaN when there are none. */
export function quantile(values: readonly number[], fraction: number): number {
  const ascending = [...values].sort((a, b) => a - b)
  return ascending[Math.max(0, Math.ceil(fraction * ascending.length) - 1)] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

export interface Timed<T> {
  /** Virtual time it took, in ms. */
  readonly ms: number
  /** Undefined when it failed. */
  readonly value: T | undefined
}

/** Times one verb. It never rejects: a failure is a measurement too. */
export async function timed<T>(swarm: Swarm, verb: () => Promise<T>): Promise<Timed<T>> {
  const startMs = swarm.clock.elapsedMs
  try {
    const value = await verb()
    return { ms: swarm.clock.elapsedMs - startMs, value }
  } catch {
    return { ms: swarm.clock.elapsedMs - startMs, value: undefined }
  }
}

/** Lets time pass until all of `verbs` are done, some at a time. */
export async function inBatches<T>(
  swarm: Swarm,
  verbs: readonly (() => Promise<T>)[],
  atOnce = 20,
): Promise<T[]> {
  const results: T[] = []
  for (let start = 0; start < verbs.length; start += atOnce) {
    const batch = verbs.slice(start, start + atOnce).map((verb) => verb())
    results.push(...(await swarm.run(Promise.all(batch))))
  }
  return results
}

/** Slope and intercept of the least-squares line through points. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): {
  readonly slope: number
  readonly intercept: number
} {
  const meanX = sum(points.map(([x]) => x)) / points.length
  const meanY = sum(points.map(([, y]) => y)) / points.length
  const covariance = sum(points.map(([x, y]) => (x - meanX) * (y - meanY)))
  const variance = sum(points.map(([x]) => (x - meanX) ** 2))
  const slope = covariance / variance
  return { slope, intercept: meanY - slope * meanX }
}
