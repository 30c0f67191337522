/** The command line of `npm run sim`: what may be asked for, and the line that asks for the same again. */
import { unconnectableShare } from '@kadrtc/simulator'
import {
  argumentText,
  type Bounds,
  durationOf,
  numberOf,
  OptionsError,
  parseWords,
  percent,
  textOf,
} from './arguments.js'
import { durationText } from './duration.js'
import {
  demandTogether,
  type Fault,
  type FaultKind,
  faultKinds,
  faultText,
  faultUsage,
  parseFault,
} from './fault-options.js'

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
  readonly faults: readonly Fault[]
  /** Hash all that happens, so that runs can be compared. */
  readonly trace: boolean
  readonly json: boolean
  /** File to write the report to. */
  readonly html: string | undefined
}

export const usage = `Simulates a network of nodes and reports how well it does.

  npm run sim -- [options]

  --nodes N          nodes in the network (1000)
  --seed S           the run's seed; the same seed and options give the same run (a random one)
  --churn D          mean session length, like 10m, 90s or 1.5h; each departure is replaced (none)
  --churn-shape X    Weibull shape of the session lengths: 1 is exponential, 0.5 as measured in the wild (1)
  --sessions FILE    draw session lengths from a file instead, one in seconds a line
  --crashes P        percent of the departures that are crashes without a goodbye, of --mass-leave too (100)
  --minutes M        virtual minutes under churn and lookups (5)
  --lookups N        values that are put before, and gets spread over those minutes (500)
  --value-bytes N    size of a value, up to 65536 (100)
  --latency-ms N     median direct round trip between nodes (80)
  --jitter P         mean extra delay of a message, in percent (10)
  --nat P            percent of pairs that can open no link, by the NATs they are behind (${100 * unconnectableShare})
  --trace            print a hash of all that happened: runs of one seed and the same options have the same
  --json             print one JSON object a line instead of a text
  --html FILE        write a page with plots as well
  --help             print this

${faultUsage}
The exit code is 0 if the run came to its end, 1 if it failed or a law of the network was broken, 2 if the command line
cannot be read. What fails says its seed and the command that replays it.
`

const faultWords = Object.fromEntries(
  faultKinds.map((kind) => [kind, { type: 'string', multiple: true }]),
) as Record<FaultKind, { type: 'string'; multiple: true }>

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
  ...faultWords,
  trace: { type: 'boolean' },
  json: { type: 'boolean' },
  html: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** 'help' when that is asked for. `newSeed` is called if none is given. Throws OptionsError. */
export function parseOptions(args: readonly string[], newSeed: () => string): SimOptions | 'help' {
  const values = parseWords(args, words)
  if (values.help) return 'help'
  const number = (name: keyof typeof words, otherwise: number, bounds: Bounds) =>
    numberOf(name, values[name] as string | undefined, otherwise, bounds)
  const minutes = number('minutes', 5, { least: 0.1, most: 100_000 })
  const faults = faultKinds.flatMap((kind) => (values[kind] ?? []).map((text) => parseFault(kind, text)))
  demandTogether(faults, minutes * 60_000)
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
    minutes,
    lookups: number('lookups', 500, { least: 1, most: 1_000_000, whole: true }),
    valueBytes: number('value-bytes', 100, { least: 0, most: 65_536, whole: true }),
    latencyMs: number('latency-ms', 80, { least: 5, most: 10_000 }),
    jitter: number('jitter', 10, { least: 0, most: 1_000 }),
    nat: number('nat', 100 * unconnectableShare, percent),
    faults,
    trace: values.trace ?? false,
    json: values.json ?? false,
    html: textOf('html', values.html),
  }
}

/** The command that gives the same run again. */
export function commandLineOf(options: SimOptions): string {
  const { churnMs, churnShape, sessions, trace, json, html } = options
  const line = ['npm run sim --']
  const say = (name: string, value: string | number | undefined) => {
    if (value !== undefined) line.push(argumentText(name, value))
  }
  say('nodes', options.nodes)
  say('seed', options.seed)
  if (churnMs !== undefined) {
    say('churn', durationText(churnMs))
    say('churn-shape', churnShape)
  }
  say('sessions', sessions)
  say('crashes', options.crashes)
  say('minutes', options.minutes)
  say('lookups', options.lookups)
  say('value-bytes', options.valueBytes)
  say('latency-ms', options.latencyMs)
  say('jitter', options.jitter)
  say('nat', options.nat)
  for (const fault of options.faults) say(fault.kind, faultText(fault))
  if (trace) line.push('--trace')
  if (json) line.push('--json')
  say('html', html)
  return line.join(' ')
}
