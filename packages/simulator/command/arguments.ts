/** Words of a command line: read into numbers, durations and texts, and written so that a shell gives them back. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { parseDurationMs } from './duration.js'

/** What is wrong with the command line, for the person who wrote it. */
export class OptionsError extends Error {}

type Words = NonNullable<ParseArgsConfig['options']>
type Values<W extends Words> = ReturnType<
  typeof parseArgs<{ options: W; strict: true; allowPositionals: false }>
>['values']

export interface Bounds {
  readonly least: number
  readonly most: number
  readonly whole?: boolean
}

export const percent: Bounds = { least: 0, most: 100 }

/** The text of each option that is given. Throws OptionsError. */
export function parseWords<W extends Words>(args: readonly string[], options: W): Values<W> {
  try {
    const joined = withNegatives(args, options)
    return parseArgs({ args: joined, options, strict: true, allowPositionals: false }).values
  } catch (error) {
    if (error instanceof OptionsError) throw error
    throw new OptionsError(error instanceof Error ? error.message : String(error))
  }
}

export function numberOf(name: string, text: string | undefined, otherwise: number, bounds: Bounds): number {
  if (text === undefined) return otherwise
  const { least, most, whole = false } = bounds
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value
  const kind = whole ? 'a whole number' : 'a number'
  throw new OptionsError(`--${name} is ${kind} from ${least} to ${most}, not "${text}"`)
}

export function durationOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDurationMs(text)
  if (ms === undefined) throw new OptionsError(`--${name} is a duration like 10m, 90s or 1.5h, not "${text}"`)
  return ms
}

export function textOf(name: string, text: string | undefined): string | undefined {
  if (text === '') throw new OptionsError(`--${name} is empty`)
  return text
}

/** The option as it is typed, whatever its value holds. */
export function argumentText(name: string, value: string | number): string {
  const text = String(value)
  const quoted = /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
  // A value that begins with a dash would be taken for an option.
  return text.startsWith('-') ? `--${name}=${quoted}` : `--${name} ${quoted}`
}

/** Joins an option and the negative number after it, so that whoever reads the option says what is wrong with that number. */
function withNegatives(args: readonly string[], options: Words): string[] {
  const joined: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    const name = arg.startsWith('--') ? arg.slice(2) : ''
    const next = args[i + 1]
    if (!Object.hasOwn(options, name) || options[name]!.type !== 'string') joined.push(arg)
    else if (next === undefined) throw new OptionsError(`--${name} needs a value after it`)
    else if (/^-\.?\d/.test(next)) joined.push(`${arg}=${args[++i]}`)
    else if (next.startsWith('-')) throw new OptionsError(`--${name} needs a value after it, not "${next}"`)
    else joined.push(arg, args[++i]!)
  }
  return joined
}
