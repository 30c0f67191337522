/** Networks in threads of their own: how one is run, and many a few at a time. */
import { Worker } from 'node:worker_threads'
import type { Note, Task, Values } from './simulation-experiments.js'
import type { News } from './simulation-worker.js'

/** One network, and what is measured there. */
export interface Job extends Task {
  /** The command that runs it again. */
  readonly replay: string
}

/** A node takes 60 kB with its links; what is left is for values and for the collector. */
const heapMbPerNode = 0.4
/** What is young dies young here: of 300 nodes in churn a run took 34 s with 48 MB, which is the default, and 25 s with this. */
const youngMb = 768
/** The largest network has 8 GiB for all: with 7,200 MB of heap it took 7.72, with 7,500 it took 8.02. 4,670 are alive at most. */
const largest = { heapMb: 7_200, youngMb: 192 }
const workersAtOnce = 2

/** A simulation that failed: which, and how to see it again. The `cause` says why. */
export class JobError extends Error {
  constructor(job: Job, cause: unknown) {
    super(`${labelOf(job)} failed; ${job.replay} runs it again`, { cause })
  }
}

/** Resolves with what its worker found. Rejects with a `JobError` when it fails, or takes more memory than it may. */
export function runJob(job: Job, note: Note): Promise<Values> {
  return new Promise((resolve, reject) => {
    const { experiment, seed, nodes, scale } = job
    const heapMb = Math.round(2_000 + nodes * heapMbPerNode)
    const worker = new Worker(new URL('./simulation-worker.js', import.meta.url), {
      workerData: { experiment, seed, nodes, scale } satisfies Task,
      resourceLimits: {
        maxOldGenerationSizeMb: Math.min(largest.heapMb, heapMb),
        maxYoungGenerationSizeMb: heapMb < largest.heapMb ? youngMb : largest.youngMb,
      },
    })
    worker.on('message', (news: News) => {
      if (news.kind === 'note') note(`${labelOf(job)}: ${news.text}`)
      else resolve(news.values)
    })
    worker.on('error', (cause) => reject(new JobError(job, cause)))
    worker.on('exit', (code) =>
      reject(new JobError(job, new Error(`It ended with code ${code} and said nothing`))),
    )
  })
}

/**
 * Runs tasks a few at a time, in order. Rejects if one did, once all have ended, with an AggregateError of all that did:
 * nothing is left running, and nobody's failure hides another's.
 */
export async function inPool<T>(tasks: readonly (() => Promise<T>)[], atOnce = workersAtOnce): Promise<T[]> {
  const outcomes: PromiseSettledResult<T>[] = []
  const waiting = tasks.map((task, index) => ({ task, index }))
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [outcome] = await Promise.allSettled([next.task()])
      outcomes[next.index] = outcome
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason)
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} of ${tasks.length} failed`)
  return outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value)
}

function labelOf({ experiment, nodes, seed }: Task): string {
  return `${experiment}, ${nodes} nodes, SEED=${seed}`
}
