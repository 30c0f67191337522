/** The command line of `npm run sim`: what may be asked for, and the line that asks for the same again. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { unconnectableShare } from '@kadrtc/simulator'
import { durationText, parseDurationMs } from './duration.js'

export interface SimOptions {
  readonly nodes: number
  readonly seed: string
  /** Mean session length; undefined: nobody departs. */
  readonly churnMs: number | undefined
  /** Of the Weibull distribution of sessions; 1 is exponential. */
  readonly churnShape: number
  /** File of session lengths, instead of `churnMs`. */
  readonly sessions: string | undefined
  /** Departures that are crashes, in percent. */
  readonly crashes: number
  readonly minutes: number
  readonly lookups: number
  readonly valueBytes: number
  /** Median direct round trip. */
  readonly latencyMs: number
  /** Mean extra delay of a message, in percent of its way. */
  readonly jitter: number
  /** Pairs of nodes that can open no link, by the NATs they are behind, in percent. */
  readonly nat: number
  readonly json: boolean
  /** File to write the report to. */
  readonly html: string | undefined
}

/** What is wrong with the command line, for the person who wrote it. */
export class OptionsError extends Error {}

export const usage = `Simulates a network of nodes and reports how well it does.

  npm run sim -- [options]

  --nodes N          nodes in the network (1000)
  --seed S           the run's seed; the same seed and options give the same run (a random one)
  --churn D          mean session length, like 10m, 90s or 1.5h; each departure is replaced (none)
  --churn-shape X    Weibull shape of the session lengths: 1 is exponential, 0.5 as measured in the wild (1)
  --sessions FILE    draw session lengths from a file instead, one in seconds a line
  --crashes P        percent of the departures that are crashes without a goodbye (100)
  --minutes M        virtual minutes under churn and lookups (5)
  --lookups N        values that are put before, and gets spread over those minutes (500)
  --value-bytes N    size of a value, up to 65536 (100)
  --latency-ms N     median direct round trip between nodes (80)
  --jitter P         mean extra delay of a message, in percent (10)
  --nat P            percent of pairs that can open no link, by the NATs they are behind (${100 * unconnectableShare})
  --json             print one JSON object a line instead of a text
  --html FILE        write a page with plots as well
  --help             print this
`

export const soakUsage = `Lets a network live under all faults at once, and checks what must always hold.

  npm run sim:soak -- [options]

  --nodes N     nodes to begin with (40)
  --seed S      the run's seed; the same seed and options give the same run (a random one)
  --minutes M   virtual minutes under faults; half an hour of quiet comes on top (30)
  --verbose     print all that is done
  --help        print this
`

export interface SoakCommand {
  readonly nodes: number
  readonly seed: string
  readonly minutes: number
  readonly verbose: boolean
}

const soakWords = {
  nodes: { type: 'string' },
  seed: { type: 'string' },
  minutes: { type: 'string' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const words = {
  nodes: { type: 'string' },
  seed: { type: 'string' },
  churn: { type: 'string' },
  'churn-shape': { type: 'string' },
  sessions: { type: 'string' },
  crashes: { type: 'string' },
  minutes: { type: 'string' },
  lookups: { type: 'string' },
  'value-bytes': { type: 'string' },
  'latency-ms': { type: 'string' },
  jitter: { type: 'string' },
  nat: { type: 'string' },
  json: { type: 'boolean' },
  html: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Bounds {
  readonly least: number
  readonly most: number
  readonly whole?: boolean
}

const percent: Bounds = { least: 0, most: 100 }

/** 'help' when that is asked for. `newSeed` is called if none is given. Throws OptionsError. */
export function parseOptions(args: readonly string[], newSeed: () => string): SimOptions | 'help' {
  const values = parseWords(args, words)
  if (values.help) return 'help'
  const number = (name: keyof typeof words, otherwise: number, bounds: Bounds) =>
    numberOf(name, values[name] as string | undefined, otherwise, bounds)
  if (values.churn !== undefined && values.sessions !== undefined) {
    throw new OptionsError('--churn and --sessions both say how long nodes stay: give one')
  }
  if (values['churn-shape'] !== undefined && values.churn === undefined) {
    throw new OptionsError('--churn-shape needs --churn')
  }
  return {
    nodes: number('nodes', 1_000, { least: 2, most: 1_000_000, whole: true }),
    seed: textOf('seed', values.seed) ?? newSeed(),
    churnMs: durationOf('churn', values.churn),
    churnShape: number('churn-shape', 1, { least: 0.1, most: 100 }),
    sessions: textOf('sessions', values.sessions),
    crashes: number('crashes', 100, percent),
    minutes: number('minutes', 5, { least: 0.1, most: 100_000 }),
    lookups: number('lookups', 500, { least: 1, most: 1_000_000, whole: true }),
    valueBytes: number('value-bytes', 100, { least: 0, most: 65_536, whole: true }),
    latencyMs: number('latency-ms', 80, { least: 5, most: 10_000 }),
    jitter: number('jitter', 10, { least: 0, most: 1_000 }),
    nat: number('nat', 100 * unconnectableShare, percent),
    json: values.json ?? false,
    html: textOf('html', values.html),
  }
}

/** As `parseOptions`, for `npm run sim:soak`. */
export function parseSoakOptions(args: readonly string[], newSeed: () => string): SoakCommand | 'help' {
  const values = parseWords(args, soakWords)
  if (values.help) return 'help'
  return {
    nodes: numberOf('nodes', values.nodes, 40, { least: 8, most: 10_000, whole: true }),
    seed: textOf('seed', values.seed) ?? newSeed(),
    minutes: numberOf('minutes', values.minutes, 30, { least: 0.1, most: 100_000 }),
    verbose: values.verbose ?? false,
  }
}

/** The command that gives the same run again. */
export function commandLineOf(options: SimOptions): string {
  const { churnMs, churnShape, sessions, json, html } = options
  const line = ['npm run sim --', '--nodes', options.nodes, '--seed', quoted(options.seed)]
  if (churnMs !== undefined) line.push('--churn', durationText(churnMs), '--churn-shape', churnShape)
  if (sessions !== undefined) line.push('--sessions', quoted(sessions))
  line.push('--crashes', options.crashes, '--minutes', options.minutes, '--lookups', options.lookups)
  line.push('--value-bytes', options.valueBytes, '--latency-ms', options.latencyMs)
  line.push('--jitter', options.jitter, '--nat', options.nat)
  if (json) line.push('--json')
  if (html !== undefined) line.push('--html', quoted(html))
  return line.join(' ')
}

function parseWords<W extends NonNullable<ParseArgsConfig['options']>>(args: readonly string[], options: W) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new OptionsError(error instanceof Error ? error.message : String(error))
  }
}

function numberOf(name: string, text: string | undefined, otherwise: number, bounds: Bounds): number {
  if (text === undefined) return otherwise
  const { least, most, whole = false } = bounds
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value
  const kind = whole ? 'a whole number' : 'a number'
  throw new OptionsError(`--${name} is ${kind} from ${least} to ${most}, not "${text}"`)
}

function durationOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDurationMs(text)
  if (ms === undefined) throw new OptionsError(`--${name} is a duration like 10m, 90s or 1.5h, not "${text}"`)
  return ms
}

function textOf(name: string, text: string | undefined): string | undefined {
  if (text === '') throw new OptionsError(`--${name} is empty`)
  return text
}

function quoted(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
