/** The whole of `npm run sim:soak`: a long life under all faults, which ends well or with the command that shows it again. */
import { randomInt } from 'node:crypto'
import { inspect } from 'node:util'
import { type SoakOptions, type SoakReport, soak } from '@kadrtc/simulator'
import { OptionsError } from './arguments.js'
import { type Progress, ProgressBar } from './progress-bar.js'
import { Rejections } from './rejections.js'
import type { Streams } from './run-sim.js'
import { parseSoakOptions, type SoakCommand, soakCommandLineOf, soakUsage } from './soak-options.js'

/** Resolves with the exit code: 2 for a command line that cannot be read, 1 for a violation. */
export async function runSoak(
  args: readonly string[],
  streams: Streams,
  /** What is to be lived through. */
  live: (options: SoakOptions) => Promise<SoakReport> = soak,
): Promise<number> {
  const { stdout, stderr } = streams
  const command = readCommand(args, streams)
  if (typeof command === 'number') return command
  const { verbose, seed, nodes, minutes } = command
  const bar = new ProgressBar(stderr, () => performance.now())
  const rejections = new Rejections(streams)
  try {
    stdout.write(`soak of ${nodes} nodes for ${minutes} virtual minutes, seed ${seed}\n`)
    const startMs = performance.now()
    const { counts, messages, digest } = await live({
      seed,
      nodes,
      minutes,
      observe: (line) => (verbose ? stdout.write(`${line}\n`) : bar.update(() => progressOf(line, minutes))),
    }).catch((error: unknown) => {
      // Around it is what is said below: the seed and the command.
      throw error instanceof Error && error.cause !== undefined ? error.cause : error
    })
    await rejections.demandNone()
    bar.clear()
    for (const [what, count] of Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))) {
      stdout.write(`${String(count).padStart(8)} ${what}\n`)
    }
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    stdout.write(`${messages} messages in ${seconds} s, trace ${digest}: everything held\n`)
    return 0
  } catch (error) {
    bar.clear()
    stderr.write(
      `The soak failed with seed ${seed}.\n${inspect(error)}\n\nReplay it with\n  ${soakCommandLineOf(command)}\n`,
    )
    return 1
  } finally {
    rejections.close()
  }
}

/** Each line of a soak begins with the seconds of virtual time that have passed. */
function progressOf(line: string, minutes: number): Progress {
  const virtualMs = 1_000 * Number.parseFloat(line)
  return { phase: 'soaking', virtualMs, done: Math.min(1, virtualMs / (minutes * 60_000)) }
}

function readCommand(args: readonly string[], { stdout, stderr }: Streams): SoakCommand | number {
  try {
    const command = parseSoakOptions(args, () => String(randomInt(1_000_000)))
    if (command !== 'help') return command
    stdout.write(soakUsage)
    return 0
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error
    stderr.write(`${error.message}\nnpm run sim:soak -- --help shows what there is.\n`)
    return 2
  }
}
