import { expect, test, vi } from 'vitest'
import { simulations } from '../simulation.js'
import { measure, type Values } from '../simulation-experiments.js'

// Seconds each, and more on a machine that has other work.
vi.setConfig({ testTimeout: 60_000 })

/** What was measured, by experiment: one network is enough where several sizes are asked for. */
const measured = new Map<string, Promise<Values>>()
const all = simulations({ full: true, nodes: 100, seeds: ['7'] }, (job, note) => {
  const known = measured.get(job.experiment)
  const values = known ?? measure({ ...job, nodes: 20, scale: 0.003 }, note)
  measured.set(job.experiment, values)
  return values
}).benchmarks
/** A day takes half a minute even of twenty nodes, and durability has tests of its own. */
const tried = all.filter(({ aims }) => !aims.some(({ name }) => name.startsWith('sim.durability')))

test.each(tried.map((benchmark) => [benchmark.aims[0]!.name, benchmark] as const))(
  'all figures beside %s are measured',
  async (_name, { aims, run }) => {
    const found = await run(() => undefined)
    for (const { name } of aims) expect(found[name], name).toMatchObject({ value: expect.any(Number) })
  },
)
