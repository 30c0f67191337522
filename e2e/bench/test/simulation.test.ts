import { describe, expect, test } from 'vitest'
import type { Aim } from '../measurement.js'
import { withPeakMemory } from '../peak-memory.js'
import { failureText } from '../report.js'
import { simulations } from '../simulation.js'
import { inPool, type Job, JobError } from '../simulation-job.js'

const seeds = ['7', '11', '23']
const names = (aims: readonly Aim[]) => aims.map(({ name }) => name)

/** Instead of a network: every figure is the job's seed, or what `values` says. */
function recording(values: (job: Job) => Record<string, number> = () => ({})) {
  const jobs: Job[] = []
  const run = async (job: Job) => {
    jobs.push(job)
    return { ...allNames(Number(job.seed)), ...values(job) }
  }
  return { jobs, run }
}

function allNames(value: number): Record<string, number> {
  const { benchmarks } = simulations({ full: true, nodes: 10_000, seeds })
  const found = benchmarks.flatMap(({ aims }) => aims).map(({ name }) => [name, value])
  return { ...Object.fromEntries(found), hops_mean: value }
}

function benchmarkOf(name: string, run: (job: Job) => Promise<Record<string, number>>, full = false) {
  const { benchmarks } = simulations({ full, nodes: 10_000, seeds }, run)
  return benchmarks.find(({ aims }) => names(aims).includes(name))!
}

const quiet = () => undefined

describe('the simulations', () => {
  const fromDrawn = [
    'sim.hotkey.max_load_ratio',
    'sim.massleave.50pct_lost',
    'sim.partition.recall_after_60s',
    'sim.churn.1k_1.4min.lookup_success',
    'sim.unreachable.get_success',
    'sim.10k.get_stretch_p50',
  ]
  test.each(fromDrawn)('%s is measured on the fixed seed and the drawn ones', async (name) => {
    const { run } = recording()
    const found = await benchmarkOf(name, run).run(quiet)
    expect(found[name]).toEqual({ value: 7, seeds: { 7: 7, 11: 11, 23: 23 } })
  })

  const fixedOnly = [
    'sim.speed.10k_x_realtime',
    'sim.churn.10k_5min.get_success',
    'sim.durability.24h_10min.lost',
  ]
  test.each([...fixedOnly, 'sim.scale.100k'])('%s is measured on the fixed seed alone', async (name) => {
    const { jobs, run } = recording()
    const found = await benchmarkOf(name, run, true).run(quiet)
    expect(found[name]).toEqual({ value: 7, seeds: { 7: 7 } })
    expect(jobs.map(({ seed }) => seed)).toEqual(['7'])
  })

  test('what takes hours is left out, unless it is asked for', () => {
    const { leftOut } = simulations({ full: false, nodes: 10_000, seeds })
    expect(names(leftOut)).toContain('sim.scale.100k.get_stretch_p50')
    expect(names(leftOut)).not.toContain('sim.10k.recall_k')
    expect(simulations({ full: true, nodes: 10_000, seeds }).leftOut).toEqual([])
  })

  test('no two figures have one name', () => {
    const all = simulations({ full: true, nodes: 10_000, seeds }).benchmarks.flatMap(({ aims }) =>
      names(aims),
    )
    expect(new Set(all).size).toBe(all.length)
  })

  test('hops are fitted over three sizes for each seed', async () => {
    // Half a hop more with each doubling on the fixed seed, and a whole one on the others.
    const { jobs, run } = recording(({ seed, nodes }) => ({
      hops_mean: Math.log2(nodes) * (seed === '7' ? 0.5 : 1),
    }))
    const found = await benchmarkOf('sim.hops_vs_log2n', run).run(quiet)
    const { value, seeds: slopes } = found['sim.hops_vs_log2n'] as {
      value: number
      seeds: Record<string, number>
    }
    expect(value).toBeCloseTo(0.5)
    expect(slopes['23']).toBeCloseTo(1)
    expect(jobs.map(({ nodes }) => nodes)).toEqual([1e4, 1e4, 1e4, 1e3, 1e3, 1e3, 100, 100, 100])
  })

  test('notes say the seeds and how to draw them again', async () => {
    const notes: string[] = []
    await benchmarkOf('sim.hotkey.max_load_ratio', recording().run).run((text) => notes.push(text))
    expect(notes[0]).toBe('seeds 7 (fixed) and 11, 23: SEED=11,23 replays')
    expect(notes).toContain('sim.hotkey.max_load_ratio: 7 (SEED=7), 11 (SEED=11), 23 (SEED=23)')
  })

  test('a figure that the network did not give is an error that names it', async () => {
    const run = async () => ({ 'sim.hotkey.max_load_ratio': 1 })
    await expect(benchmarkOf('sim.hotkey.max_load_ratio', run).run(quiet)).rejects.toThrow(
      'sim.hotkey.get_ms_p50 has no value on SEED=7',
    )
  })
})

describe('a simulation that fails', () => {
  test('tells its seed, the command that runs it again, and where it failed; the others end first', async () => {
    const ended: string[] = []
    const run = async (job: Job) => {
      if (job.seed !== '23') throw new JobError(job, new RangeError('nobody joined'))
      ended.push(job.seed)
      return allNames(1)
    }
    const { benchmarks } = simulations({ full: false, nodes: 500, seeds }, run)
    const hot = benchmarks.find(({ aims }) => names(aims).includes('sim.hotkey.max_load_ratio'))!
    const error: unknown = await hot.run(quiet).catch((reason: unknown) => reason)
    const text = failureText(error)
    const again = 'npm run bench -- sim.hotkey.max_load_ratio --nodes 500'
    expect(text).toContain(`hotKey, 50 nodes, SEED=7 failed; SEED=7 ${again} runs it again`)
    expect(text).toContain(`hotKey, 50 nodes, SEED=11 failed; SEED=11 ${again} runs it again`)
    expect(text).toContain('RangeError: nobody joined')
    expect(text).toContain('simulation.test.ts')
    expect(ended).toEqual(['23'])
  })

  test('that takes hours is run again with --full', async () => {
    const { jobs, run } = recording()
    await benchmarkOf('sim.durability.24h_10min.lost', run, true).run(quiet)
    expect(jobs[0]!.replay).toBe('SEED=7 npm run bench -- sim.durability.24h_10min.lost --full')
  })
})

test('a pool runs so many at once, and gives results in order', async () => {
  let running = 0
  let most = 0
  const task = (value: number) => async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
    return value
  }
  expect(await inPool([1, 2, 3, 4, 5].map(task), 2)).toEqual([1, 2, 3, 4, 5])
  expect(most).toBe(2)
})

test('memory that was taken and let go shows in its peak', async () => {
  const bytes = 200 * 2 ** 20
  const before = process.memoryUsage.rss()
  const { value, peakGiB } = await withPeakMemory(async () => Buffer.alloc(bytes, 1).length)
  expect(value).toBe(bytes)
  expect(peakGiB * 2 ** 30).toBeGreaterThan(before + bytes / 2)
})
