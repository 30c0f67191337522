/**
 * How long nodes stay: a session length model draws one life, in ms, from a stream.
 *
 *     const lengths = weibull({ meanMs: 600_000, shape: 0.5 }) // many leave at once, a few stay for hours
 *     const lengths = fromTrace(await readFile('sessions.txt', 'utf8')) // as they were measured
 *
 * Lengths are whole milliseconds, at least one: engines may differ in the last bit of Math.log and Math.pow, and
 * rounding hides that.
 */
import type { SeededRandom } from '../seeded-random.js'

/** One session length in ms: a whole number of at least 1. */
export type SessionLengths = (random: SeededRandom) => number

/** Without memory: how long a node has been there says nothing about how long it will stay. Throws RangeError. */
export function exponential(meanMs: number): SessionLengths {
  requirePositive(meanMs, 'The mean session length')
  return (random) => wholeMs(meanMs * standardExponential(random))
}

/**
 * A shape below 1 is what is measured in peer-to-peer networks (0.38 to 0.6, D. Stutzbach and R. Rejaie, "Understanding
 * churn in peer-to-peer networks", section 5): who has stayed long will stay longer. 1 is exponential. Throws RangeError.
 */
export function weibull({ meanMs, shape }: { meanMs: number; shape: number }): SessionLengths {
  requirePositive(meanMs, 'The mean session length')
  requirePositive(shape, 'The shape')
  const scaleMs = meanMs / gamma(1 + 1 / shape)
  return (random) => wholeMs(scaleMs * standardExponential(random) ** (1 / shape))
}

/**
 * Draws from measured lengths, each as likely as the others: one a line, in seconds. What follows a `#` is a comment;
 * empty lines are skipped. Throws an Error that names the line for anything else, and for a text with no length.
 */
export function fromTrace(text: string): SessionLengths {
  const lengthsMs: number[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [content = ''] = line.split('#', 1)
    const word = content.trim()
    if (word === '') continue
    const seconds = /^[0-9.eE+-]+$/.test(word) ? Number(word) : Number.NaN
    if (!(seconds > 0 && Number.isFinite(seconds))) {
      throw new Error(`Line ${index + 1}: "${word.slice(0, 40)}" is no session length in seconds`)
    }
    lengthsMs.push(wholeMs(seconds * 1000))
  }
  if (lengthsMs.length === 0) throw new Error('The trace holds no session length')
  return (random) => random.pick(lengthsMs)
}

/** Mean 1. `1 - fraction` is in (0, 1], so the logarithm is finite. */
function standardExponential(random: SeededRandom): number {
  return -Math.log(1 - random.fraction())
}

function wholeMs(ms: number): number {
  return Math.max(1, Math.round(ms))
}

function requirePositive(value: number, name: string): void {
  if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${name} must be positive, not ${value}`)
}

/** Lanczos' approximation with g = 7 and nine terms, right to 13 digits; `x` at least 0.5. */
function gamma(x: number): number {
  const base = x - 1 + 7.5
  let sum = 0.99999999999980993
  for (const [index, coefficient] of lanczos.entries()) sum += coefficient / (x + index)
  return Math.sqrt(2 * Math.PI) * base ** (x - 0.5) * Math.exp(-base) * sum
}

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]
