/**
 * The whole of `npm run sim`: reads the command line, runs one simulation and prints what it showed.
 *
 *     process.exitCode = await runSim(process.argv.slice(2), process)
 */
import { randomInt } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { inspect } from 'node:util'
import { fromTrace, type SessionLengths, weibull } from '@kadrtc/simulator'
import { OptionsError } from './arguments.js'
import { Violation } from './checks.js'
import { commandLineOf, parseOptions, type SimOptions, usage } from './options.js'
import { ProgressBar, type Terminal } from './progress-bar.js'
import { type RejectionSource, Rejections } from './rejections.js'
import { reportText } from './report-text.js'
import { simulate, type Watchers } from './simulate.js'

/** Where a command writes to, and who tells it of rejections that nobody handles: those of the process. */
export interface Streams extends RejectionSource {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: Terminal
}

/** Resolves with the exit code: 2 for a command line that cannot be read, 1 for a run that failed. */
export async function runSim(
  args: readonly string[],
  streams: Streams,
  /** Other nodes than an app has. */
  { createNode }: Pick<Watchers, 'createNode'> = {},
): Promise<number> {
  const { stdout, stderr } = streams
  const read = readOptions(args, streams)
  if (typeof read === 'number') return read
  const { options, lengths } = read
  const bar = new ProgressBar(stderr, () => performance.now())
  const rejections = new Rejections(streams)
  try {
    const events = await simulate(options, {
      lengths,
      ...(createNode ? { createNode } : {}),
      pause: () => rejections.demandNone(),
      onProgress: (progress) => bar.update(progress),
      onEvent: (event) => {
        if (!options.json) return
        bar.clear()
        stdout.write(`${JSON.stringify(event)}\n`)
      },
    })
    bar.clear()
    if (!options.json) stdout.write(reportText(options, events))
    if (options.html !== undefined) {
      // Only now, since the plots' library takes a while to load.
      const { reportHtml } = await import('./report-html.js')
      writeFileSync(options.html, reportHtml(options, events))
    }
    return 0
  } catch (error) {
    bar.clear()
    stderr.write(
      `The simulation failed with seed ${options.seed}.\n${reasonText(error)}\n\nReplay it with\n  ${commandLineOf(options)}\n`,
    )
    return 1
  } finally {
    rejections.close()
  }
}

/** A violation says all there is to say; of anything else it is of use to see where it came from. */
function reasonText(error: unknown): string {
  return error instanceof Violation ? error.message : inspect(error)
}

interface Read {
  readonly options: SimOptions
  readonly lengths: SessionLengths | undefined
}

function readOptions(args: readonly string[], { stdout, stderr }: Streams): Read | number {
  try {
    const options = parseOptions(args, () => String(randomInt(1_000_000)))
    if (options === 'help') {
      stdout.write(usage)
      return 0
    }
    if (options.html !== undefined) demandWritable(options.html)
    return { options, lengths: lengthsOf(options) }
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error
    stderr.write(`${error.message}\nnpm run sim -- --help shows what there is.\n`)
    return 2
  }
}

function lengthsOf({ churnMs, churnShape, sessions }: SimOptions): SessionLengths | undefined {
  if (churnMs !== undefined) return weibull({ meanMs: churnMs, shape: churnShape })
  if (sessions === undefined) return undefined
  try {
    return fromTrace(readFileSync(sessions, 'utf8'))
  } catch (error) {
    throw new OptionsError(`--sessions ${sessions}: ${error instanceof Error ? error.message : error}`)
  }
}

/** A run may take hours: that its page has no place to go is said before it. */
function demandWritable(file: string): void {
  try {
    if (existsSync(file) && statSync(file).isDirectory()) throw new Error('is a folder')
    accessSync(existsSync(file) ? file : dirname(file), constants.W_OK)
    if (!statSync(dirname(file)).isDirectory()) throw new Error(`${dirname(file)} is no folder`)
  } catch (error) {
    throw new OptionsError(`--html ${file}: ${error instanceof Error ? error.message : error}`)
  }
}
