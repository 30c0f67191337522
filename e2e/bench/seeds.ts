/**
 * Which seeds simulations run on: one that is fixed, whose values are the figures, and some that are new at each run, so that
 * nobody tunes to the one. `SEED=11,12` names those instead.
 */
import { randomInt } from 'node:crypto'

export const fixedSeed = '7'
const drawnCount = 3
const drawsMost = 100

/** The fixed seed first, then the others; none twice. `given`: the environment's SEED. */
export function chooseSeeds(
  given: string | undefined,
  draw: () => number = () => randomInt(2 ** 31),
): readonly string[] {
  const named = (given ?? '')
    .split(',')
    .map((seed) => seed.trim())
    .filter((seed) => seed !== '')
  const seeds = new Set([fixedSeed, ...named])
  if (named.length > 0) return [...seeds]
  // A number may be drawn twice, though hardly ever.
  for (let draws = 0; seeds.size < 1 + drawnCount && draws < drawsMost; draws++) seeds.add(String(draw()))
  return [...seeds]
}

/** The environment that runs these again. */
export function replaying(seeds: readonly string[]): string {
  const others = seeds.filter((seed) => seed !== fixedSeed)
  return `SEED=${others.length > 0 ? others.join(',') : fixedSeed}`
}
