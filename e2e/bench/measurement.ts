/** What a benchmark says, and the arithmetic that all of them share. */

export interface Measurement {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** What is aimed at; null: reported for comparison only. */
  readonly goal: number | null
  /** What the value is relative to, or compared with. */
  readonly against: string
  /** Of a simulation: the value of each seed it ran on, of which `value` is the fixed one's. */
  readonly seeds?: ValuesBySeed
  /** And the worst of them. */
  readonly worst?: number
}

export type ValuesBySeed = Readonly<Record<string, number>>

/** What a benchmark measures, before it has. */
export type Aim = Omit<Measurement, 'value' | 'seeds' | 'worst'>

/** What was found for an aim: a value, or one for each seed with the fixed one's for the figure. */
export type Found = number | { readonly value: number; readonly seeds: ValuesBySeed }

export interface Benchmark {
  readonly aims: readonly Aim[]
  /** Resolves with what it found for each aim's name. Progress goes to `note`. */
  run(note: (text: string) => void): Promise<Readonly<Record<string, Found>>>
}

/** Throws when nothing was found: a benchmark owes a value to each of its aims. */
export function measurementOf(aim: Aim, found: Found | undefined): Measurement {
  if (found === undefined) throw new Error(`${aim.name} has no value`)
  if (typeof found === 'number') return { ...aim, value: found }
  return { ...aim, ...found, worst: worstOf(aim, Object.values(found.seeds)) }
}

/** NaN if one is: what could not be measured is as bad as can be. */
function worstOf({ better }: Aim, values: readonly number[]): number {
  return better === 'lower' ? Math.max(...values) : Math.min(...values)
}

/** A goal that there is not is always met; by NaN none is. */
export function isMet({ better, goal }: Pick<Aim, 'better' | 'goal'>, value: number): boolean {
  if (goal === null) return true
  return better === 'lower' ? value <= goal : value >= goal
}

/** At least 5, and odd, so that the median is a value that was measured. */
export const rounds = 7

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The smallest value that `fraction` of all values do not exceed. Throws when there are none. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new Error('no values')
  const ascending = [...values].sort((a, b) => a - b)
  return ascending[Math.max(0, Math.ceil(fraction * ascending.length) - 1)]!
}

/**
 * The median over rounds of ours / theirs. Both sides run in every round, and take turns at going first: what else the
 * machine does, and what the first has left behind, falls on both.
 */
export async function medianRatio(
  ours: () => number | Promise<number>,
  theirs: () => number | Promise<number>,
  times = rounds,
): Promise<number> {
  const ratios: number[] = []
  for (let round = 0; round < times; round++) {
    const oursFirst = round % 2 === 0
    const first = await (oursFirst ? ours() : theirs())
    const second = await (oursFirst ? theirs() : ours())
    ratios.push(oursFirst ? first / second : second / first)
  }
  return median(ratios)
}

/** To four significant digits: more would only be noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
