/**
 * Runs the benchmarks and prints what they measured, a table or, with --json, one JSON object a line. Words are
 * filters: what contains one of them in its name is measured; of simulations, what contains one that begins with sim.
 *
 *   npm run bench                            everything
 *   npm run bench -- codec closest           what has these words in its name
 *   npm run --silent bench -- codec --json   for machines
 *   npm run bench -- sim --full              with the simulations that take hours
 *   npm run bench -- sim --nodes 500         simulations on smaller networks, for a try
 *   npm run bench -- --help                  all options
 *
 * Results go to stdout, all else to stderr. A goal that is missed is shown, and is no error. The exit code is 1 if a
 * benchmark failed, and 2 if the command line is wrong.
 */
import { bundle } from './bundle.js'
import { closest } from './closest.js'
import { codec } from './codec.js'
import { indexedDb } from './indexeddb.js'
import { links } from './links.js'
import { type Aim, type Benchmark, measurementOf } from './measurement.js'
import { type BenchOptions, parseOptions, UsageError, usage } from './options.js'
import { failureText, jsonLine, tableHead, tableLine } from './report.js'
import { chooseSeeds } from './seeds.js'
import { simulations } from './simulation.js'
import { sixteenTabs } from './sixteen-tabs.js'

try {
  const options = parseOptions(process.argv.slice(2))
  if (options) await measure(options)
  else console.log(usage)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${usage}`)
  process.exitCode = 2
}

async function measure({ filters, json, full, nodes }: BenchOptions): Promise<void> {
  const seeds = chooseSeeds(process.env.SEED)
  const simulated = simulations({ full, nodes, seeds })
  const benchmarks = [bundle, closest, codec, links, sixteenTabs, indexedDb, ...simulated.benchmarks]
  const wanted = ({ name }: Aim) => filters.length === 0 || filters.some((filter) => selects(filter, name))
  const leftOut = simulated.leftOut.filter(wanted)
  const chosen = benchmarks.filter(({ aims }) => aims.some(wanted))
  if (chosen.length === 0 && leftOut.length === 0) {
    const names = benchmarks.flatMap(({ aims }) => aims.map(({ name }) => `  ${name}`))
    throw new UsageError(`nothing is called ${filters.join(' or ')}; there are:\n${names.join('\n')}`)
  }
  if (leftOut.length > 0)
    console.error(`left out without --full: ${leftOut.map(({ name }) => name).join(', ')}`)
  if (!json && chosen.length > 0) console.log(tableHead)
  for (const benchmark of chosen) await measureOne(benchmark, benchmark.aims.filter(wanted), json)
}

async function measureOne(benchmark: Benchmark, aims: readonly Aim[], json: boolean): Promise<void> {
  console.error(aims.map(({ name }) => name).join(', '))
  try {
    const found = await benchmark.run((text) => console.error(`  ${text}`))
    for (const aim of aims) {
      const measurement = measurementOf(aim, found[aim.name])
      console.log(json ? jsonLine(measurement) : tableLine(measurement))
    }
  } catch (error) {
    console.error(failureText(error))
    process.exitCode = 1
  }
}

/** A simulation takes long: it has to be meant. */
function selects(filter: string, name: string): boolean {
  return name.startsWith('sim.') ? filter.startsWith('sim') && name.includes(filter) : name.includes(filter)
}
