/** What is printed: a figure as a row of a table or as a line of JSON, and a failure with all that is needed to replay it. */
import { type Aim, isMet, type Measurement, rounded } from './measurement.js'
import { fixedSeed } from './seeds.js'

export const tableHead = tableRow('name', 'value', 'worst seed', 'goal', 'against')

/** A goal that is missed is said to be, also if only a drawn seed misses it. */
export function tableLine(measurement: Measurement): string {
  const { name, value, unit, against, seeds, worst } = measurement
  const entries = Object.entries(seeds ?? {})
  const worstSeed = Object.is(value, worst)
    ? fixedSeed
    : entries.find(([, other]) => Object.is(other, worst))?.[0]
  return tableRow(
    name,
    `${shown(value, measurement)} ${unit}`,
    worst === undefined || entries.length < 2 ? '' : `${shown(worst, measurement)} (${worstSeed})`,
    goalText(measurement),
    against,
  )
}

/** Numbers that are none are null in JSON: a median of nothing, or a time that never came. */
export function jsonLine({ name, value, unit, better, goal, against, seeds, worst }: Measurement): string {
  const text = (number: number) => Number(shown(number, { better, goal }))
  const bySeed = seeds && Object.fromEntries(Object.entries(seeds).map(([seed, one]) => [seed, text(one)]))
  return JSON.stringify({
    name,
    value: text(value),
    unit,
    better,
    goal,
    against,
    ...(bySeed ? { seeds: bySeed } : {}),
    ...(worst === undefined ? {} : { worst: text(worst) }),
  })
}

/** The message and stack of an error, of all that are gathered in it, and of what caused them. */
export function failureText(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(failureText).join('\n')
  if (!(error instanceof Error)) return String(error)
  const { message, stack, cause } = error
  // With a cause it was made where the failure was reported; where it came about is what helps.
  return cause === undefined ? (stack ?? message) : `${message}\n${failureText(cause)}`
}

/** Of several seeds it names those that miss the goal. */
function goalText({ better, goal, value, seeds }: Measurement): string {
  if (goal === null) return ''
  const aim = { better, goal }
  const all = Object.entries(seeds ?? {})
  const missing = all.filter(([, one]) => !isMet(aim, one)).map(([seed]) => seed)
  const text = `${better === 'lower' ? '<=' : '>='} ${goal}`
  if (all.length > 1) return missing.length > 0 ? `${text} MISSED by SEED=${missing.join(',')}` : text
  return isMet(aim, value) ? text : `${text} MISSED`
}

/** Four significant digits, and more where these would hide on which side of the goal it lies. */
function shown(value: number, aim: Pick<Aim, 'better' | 'goal'>): string {
  const short = rounded(value)
  return String(isMet(aim, short) === isMet(aim, value) ? short : value)
}

function tableRow(name: string, value: string, worst: string, goal: string, against: string): string {
  return `${name.padEnd(42)}  ${value.padEnd(16)}  ${worst.padEnd(20)}  ${goal.padEnd(14)}  ${against}`
}
