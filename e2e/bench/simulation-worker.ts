/** The worker of `simulation-job.ts`. One thread runs one task, given as its `workerData`, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { measure, type Task, type Values } from './simulation-experiments.js'

/** What a worker says. */
export type News =
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'done'; readonly values: Values }

const say = (news: News) => parentPort!.postMessage(news)
const values = await measure(workerData as Task, (text) => say({ kind: 'note', text }))
say({ kind: 'done', values })
