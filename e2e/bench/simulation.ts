/**
 * Networks of thousands of real nodes in virtual time. Each runs in a worker thread of its own, which may take several GB.
 *
 *     npm run bench -- sim                    some hours
 *     npm run bench -- sim --full             a day of churn, 10,000 nodes in churn, and 100,000 nodes as well
 *     npm run bench -- sim --nodes 500        a try: every network scaled down as if 10,000 were 500
 *     SEED=11,12 npm run bench -- sim.10k     on these seeds besides 7
 *
 * All run on the fixed seed and on those that were drawn, but for the speed, which says little of the seed, and for what
 * takes hours: these run on the fixed seed alone.
 */
import { fitLine } from '@kadrtc/simulator/experiments'
import { type Aim, type Benchmark, type Found, rounded } from './measurement.js'
import { fullSize } from './options.js'
import { withPeakMemory } from './peak-memory.js'
import { fixedSeed, replaying } from './seeds.js'
import * as aims from './simulation-aims.js'
import type { Note, Task, Values } from './simulation-experiments.js'
import { inPool, type Job, runJob } from './simulation-job.js'

export interface SimulationOptions {
  /** Also what takes hours. */
  readonly full: boolean
  /** How many nodes the network of 10,000 has; all others, and what is asked of them, are scaled alike. */
  readonly nodes: number
  /** The fixed one first. */
  readonly seeds: readonly string[]
}

/** How a job is run. Default: in a worker. */
export type Run = (job: Job, note: Note) => Promise<Values>

interface Simulation {
  readonly experiment: Task['experiment']
  readonly fullNodes: number
  readonly aims: (size: aims.Size) => Aim[]
}

/** On the fixed seed and the others. */
const seeded: readonly Simulation[] = [
  { experiment: 'hotKey', fullNodes: 1_000, aims: aims.hotKeyAims },
  { experiment: 'massDeparture', fullNodes: 2_000, aims: aims.massDepartureAims },
  { experiment: 'partition', fullNodes: 1_000, aims: aims.partitionAims },
  { experiment: 'churn1k', fullNodes: 1_000, aims: aims.churn1kAims },
  { experiment: 'unreachable', fullNodes: 1_000, aims: aims.unreachableAims },
]

const speed: Simulation = { experiment: 'speed', fullNodes: 10_000, aims: aims.speedAims }

/** These take hours. */
const slow: readonly Simulation[] = [
  { experiment: 'churn10k', fullNodes: 10_000, aims: aims.churn10kAims },
  { experiment: 'durability', fullNodes: 1_000, aims: aims.durabilityAims },
  { experiment: 'scale', fullNodes: 100_000, aims: aims.scaleAims },
]

/** Benchmarks that run with these options, and the aims of those that would only run with `--full`. */
export function simulations(
  options: SimulationOptions,
  run: Run = runJob,
): { readonly benchmarks: readonly Benchmark[]; readonly leftOut: readonly Aim[] } {
  const fixed = { ...options, seeds: [fixedSeed] }
  const always = [
    routing(options, run),
    ofSimulation(speed, fixed, run),
    ...seeded.map((one) => ofSimulation(one, options, run)),
  ]
  const long = slow.map((one) => ofSimulation(one, { ...fixed, full: true }, run))
  if (options.full) return { benchmarks: [...always, ...long], leftOut: [] }
  return { benchmarks: always, leftOut: long.flatMap((one) => one.aims) }
}

function ofSimulation(simulation: Simulation, options: SimulationOptions, run: Run): Benchmark {
  const { experiment, fullNodes } = simulation
  const scale = options.nodes / fullSize
  const nodes = Math.max(30, Math.round(fullNodes * scale))
  const own = simulation.aims({ nodes: `${nodes} nodes`, scale })
  return {
    aims: own,
    async run(note) {
      const { seeds } = options
      tellSeeds(seeds, note)
      const jobs = seeds.map((seed): Job => {
        return { experiment, seed, nodes, scale, replay: replayOf(own[0]!.name, seed, options) }
      })
      const { value: results, peakGiB } = await withPeakMemory(() =>
        inPool(jobs.map((job) => () => run(job, note))),
      )
      return bySeed(
        seeds,
        results.map((values) => ({ ...values, [aims.scaleMemory]: peakGiB })),
        own,
        note,
      )
    },
  }
}

/** The routing figures, and how hops grow with the network. */
function routing(options: SimulationOptions, run: Run): Benchmark {
  const { nodes, seeds } = options
  const sizes = [nodes / 100, nodes / 10, nodes].map((size) => Math.max(10, Math.round(size)))
  const hopsAim = aims.hopsAim(sizes)
  const own = [...aims.routingAims('sim.10k', `${nodes} nodes`), ...aims.joiningAims('sim.10k'), hopsAim]
  return {
    aims: own,
    async run(note) {
      tellSeeds(seeds, note)
      // The largest first: what is short fills the gap at the end.
      const descending = sizes.toReversed()
      const jobs = descending.flatMap((size) =>
        seeds.map((seed): Job => {
          const replay = replayOf(hopsAim.name, seed, options)
          return { experiment: 'routing', seed, nodes: size, scale: size / fullSize, replay }
        }),
      )
      const results = await inPool(jobs.map((job) => () => run(job, note)))
      const withSlope = seeds.map((seed, index) => {
        const hops = descending.map((_, row) => results[row * seeds.length + index]!.hops_mean!)
        const points = descending.map((size, row) => [Math.log2(size), hops[row]!] as const)
        const { slope, intercept } = fitLine(points)
        const means = hops.map((mean, row) => `${rounded(mean)} (${descending[row]})`).join(', ')
        note(`SEED=${seed}: mean hops ${means}, intercept ${rounded(intercept)}`)
        return { ...results[index]!, [hopsAim.name]: slope }
      })
      return bySeed(seeds, withSlope, own, note)
    },
  }
}

function tellSeeds(seeds: readonly string[], note: Note): void {
  const others = seeds.filter((seed) => seed !== fixedSeed)
  const text = others.length > 0 ? ` and ${others.join(', ')}` : ' alone'
  note(`seeds ${fixedSeed} (fixed)${text}: ${replaying(seeds)} replays`)
}

/** Each figure with its values by seed; `results` are in the seeds' order, and the first is the figure's own. */
function bySeed(
  seeds: readonly string[],
  results: readonly Values[],
  own: readonly Aim[],
  note: Note,
): Record<string, Found> {
  const found = own.map(({ name }): [string, Found] => {
    const values = seeds.map((seed, index) => {
      const value = results[index]![name]
      if (value === undefined) throw new Error(`${name} has no value on SEED=${seed}`)
      return [seed, value] as const
    })
    note(`${name}: ${values.map(([seed, value]) => `${rounded(value)} (SEED=${seed})`).join(', ')}`)
    return [name, { value: values[0]![1], seeds: Object.fromEntries(values) }]
  })
  return Object.fromEntries(found)
}

/** The command that measures this on this seed; the fixed one is always measured too. */
function replayOf(name: string, seed: string, { nodes, full }: SimulationOptions): string {
  const size = nodes === fullSize ? '' : ` --nodes ${nodes}`
  return `${replaying([seed])} npm run bench -- ${name}${size}${full ? ' --full' : ''}`
}
