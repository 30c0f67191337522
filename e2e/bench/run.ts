/**
 * Runs the benchmarks and prints what they measured, a table or, with --json, one JSON object a line. Words are
 * filters: what contains one of them in its name is measured; of simulations, what contains one that begins with sim.
 *
 *   npm run bench                       everything
 *   npm run bench -- codec closest      what has these words in its name
 *   npm run bench -- --json             for machines
 *   npm run bench -- sim --full         with the simulations that take hours
 *   npm run bench -- sim --nodes 500    simulations on smaller networks, for a try
 *
 * Results go to stdout, all else to stderr. A goal that is missed is shown, and is no error.
 */
import { bundle } from './bundle.js'
import { closest } from './closest.js'
import { codec } from './codec.js'
import { indexedDb } from './indexeddb.js'
import { links } from './links.js'
import { type Aim, type Benchmark, type Measurement, rounded } from './measurement.js'
import { fullSize, simulations } from './simulation.js'
import { sixteenTabs } from './sixteen-tabs.js'

const words = process.argv.slice(2).filter((word) => word !== '--')
const asJson = words.includes('--json')
const nodesAt = words.indexOf('--nodes')
const nodes = nodesAt < 0 ? fullSize : Number(words[nodesAt + 1])
if (!(Number.isSafeInteger(nodes) && nodes >= 100))
  throw new Error('--nodes takes a whole number of at least 100')
const filters = words.filter((word, at) => !word.startsWith('--') && (nodesAt < 0 || at !== nodesAt + 1))
const simulated = simulations({ full: words.includes('--full'), nodes })
const benchmarks: readonly Benchmark[] = [
  bundle,
  closest,
  codec,
  links,
  sixteenTabs,
  indexedDb,
  ...simulated.benchmarks,
]
const note = (text: string) => console.error(`  ${text}`)
const wanted = ({ name }: Aim) => filters.length === 0 || filters.some((filter) => selects(filter, name))

const leftOut = simulated.leftOut.filter(wanted)
if (leftOut.length > 0)
  console.error(`left out without --full: ${leftOut.map(({ name }) => name).join(', ')}`)
const chosen = benchmarks.filter(({ aims }) => aims.some(wanted))
if (chosen.length === 0 && leftOut.length === 0) {
  console.error(`nothing is called ${filters.join(' or ')}; there are:`)
  for (const { aims } of benchmarks) for (const { name } of aims) console.error(`  ${name}`)
  process.exitCode = 1
}
if (!asJson && chosen.length > 0) console.log(tableRow('name', 'value', 'goal', 'against'))
for (const benchmark of chosen) {
  const aims = benchmark.aims.filter(wanted)
  console.error(aims.map(({ name }) => name).join(', '))
  try {
    const values = await benchmark.run(note)
    for (const aim of aims) print({ ...aim, value: rounded(values[aim.name]!) })
  } catch (error) {
    console.error(error)
    process.exitCode = 1
  }
}

/** A simulation takes long: it has to be meant. */
function selects(filter: string, name: string): boolean {
  return name.startsWith('sim.') ? filter.startsWith('sim') && name.includes(filter) : name.includes(filter)
}

function print(measurement: Measurement): void {
  if (asJson) {
    const { name, value, unit, better, goal, against } = measurement
    console.log(JSON.stringify({ name, value, unit, better, goal, against }))
    return
  }
  const { name, value, unit, better, goal, against } = measurement
  const met = goal === null || (better === 'lower' ? value <= goal : value >= goal)
  const aim = goal === null ? '' : `${better === 'lower' ? '<=' : '>='} ${goal}${met ? '' : ' MISSED'}`
  console.log(tableRow(name, `${value} ${unit}`, aim, against))
}

function tableRow(name: string, value: string, goal: string, against: string): string {
  return `${name.padEnd(44)} ${value.padEnd(14)} ${goal.padEnd(16)} ${against}`
}
