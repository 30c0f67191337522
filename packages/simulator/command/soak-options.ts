/** The command line of `npm run sim:soak`: what may be asked for, and the line that asks for the same again. */
import { argumentText, numberOf, parseWords, textOf } from './arguments.js'

export interface SoakCommand {
  readonly nodes: number
  readonly seed: string
  /** Of virtual time. */
  readonly minutes: number
  readonly verbose: boolean
}

export const soakUsage = `Lets a network live under all faults at once, and checks what must always hold.

  npm run sim:soak -- [options]

  --nodes N     nodes to begin with (40)
  --seed S      the run's seed; the same seed and options give the same run (a random one)
  --minutes M   minutes of virtual time under faults, which pass many times as fast as real ones do; quiet ones come
                on top, in which the network is to recover (30)
  --verbose     print all that is done
  --help        print this

The exit code is 0 if all held, 1 if something did not, 2 if the command line cannot be read.
`

const words = {
  nodes: { type: 'string' },
  seed: { type: 'string' },
  minutes: { type: 'string' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** 'help' when that is asked for. `newSeed` is called if none is given. Throws OptionsError. */
export function parseSoakOptions(args: readonly string[], newSeed: () => string): SoakCommand | 'help' {
  const values = parseWords(args, words)
  if (values.help) return 'help'
  return {
    nodes: numberOf('nodes', values.nodes, 40, { least: 8, most: 10_000, whole: true }),
    seed: textOf('seed', values.seed) ?? newSeed(),
    minutes: numberOf('minutes', values.minutes, 30, { least: 0.1, most: 100_000 }),
    verbose: values.verbose ?? false,
  }
}

/** The command that gives the same run again. */
export function soakCommandLineOf({ nodes, seed, minutes, verbose }: SoakCommand): string {
  const line = ['npm run sim:soak --', argumentText('seed', seed), argumentText('nodes', nodes)]
  line.push(argumentText('minutes', minutes))
  if (verbose) line.push('--verbose')
  return line.join(' ')
}
