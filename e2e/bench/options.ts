/** The command line of `npm run bench`: what may be asked for. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

export interface BenchOptions {
  /** What contains one of them in its name is measured; none: everything. */
  readonly filters: readonly string[]
  /** One JSON object a line instead of a table. */
  readonly json: boolean
  /** Also what takes hours. */
  readonly full: boolean
  /** How many nodes the network of 10,000 has. */
  readonly nodes: number
}

/** What is wrong with the command line, for the person who wrote it. */
export class UsageError extends Error {}

export const fullSize = 10_000
/** Below this the networks that are a hundredth of the largest are no networks. */
const nodesLeast = 100

export const usage = `Measures, and prints each figure beside its goal.

  npm run bench -- [words] [options]

  words       what contains one of them in its name is measured; simulations only by a word that begins with sim (all)
  --json      print one JSON object a line, and nothing else, on stdout: npm run --silent bench -- --json
  --full      also the simulations that take hours
  --nodes N   smaller simulations, for a try: as if the network of ${fullSize} had N nodes, at least ${nodesLeast} (${fullSize})
  --help      print this

  SEED=11,12  simulate these seeds besides the fixed one, instead of three that are drawn
`

const known = {
  json: { type: 'boolean' },
  full: { type: 'boolean' },
  nodes: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options']

/** Undefined: only help is wanted. Throws UsageError. */
export function parseOptions(words: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parsed(words.filter((word) => word !== '--'))
  if (values.help) return undefined
  return {
    filters: positionals,
    json: values.json ?? false,
    full: values.full ?? false,
    nodes: values.nodes === undefined ? fullSize : nodeCount(values.nodes),
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: known, allowPositionals: true })
  } catch (error) {
    // What follows the first sentence is advice on names that begin with a dash, of which there are none.
    const [problem] = String(error instanceof Error ? error.message : error).split('. ')
    throw new UsageError(problem, { cause: error })
  }
}

function nodeCount(text: string): number {
  const nodes = Number(text)
  if (Number.isSafeInteger(nodes) && nodes >= nodesLeast) return nodes
  throw new UsageError(`--nodes takes a whole number of at least ${nodesLeast}, not ${text}`)
}
