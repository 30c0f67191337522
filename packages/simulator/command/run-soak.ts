/** The whole of `npm run sim:soak`: a long life under all faults, which ends well or with the command that shows it again. */
import { randomInt } from 'node:crypto'
import { soak } from '@kadrtc/simulator'
import { OptionsError } from './arguments.js'
import type { Streams } from './run-sim.js'
import { parseSoakOptions, soakUsage } from './soak-options.js'

/** Resolves with the exit code: 2 for a command line that cannot be read, 1 for a violation. */
export async function runSoak(args: readonly string[], { stdout, stderr }: Streams): Promise<number> {
  try {
    const command = parseSoakOptions(args, () => String(randomInt(1_000_000)))
    if (command === 'help') {
      stdout.write(soakUsage)
      return 0
    }
    const { verbose, ...options } = command
    const { seed, nodes, minutes } = options
    stdout.write(`soak of ${nodes} nodes for ${minutes} virtual minutes, seed ${seed}\n`)
    const startMs = performance.now()
    const observe = (line: string) => stdout.write(`${line}\n`)
    const { counts, messages, digest } = await soak({ ...options, ...(verbose ? { observe } : {}) })
    for (const [what, count] of Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))) {
      stdout.write(`${String(count).padStart(8)} ${what}\n`)
    }
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    stdout.write(`${messages} messages in ${seconds} s, trace ${digest}: everything held\n`)
    return 0
  } catch (error) {
    if (error instanceof OptionsError) {
      stderr.write(`${error.message}\nnpm run sim:soak -- --help shows what there is.\n`)
      return 2
    }
    stderr.write(`${error instanceof Error ? error.message : error}\n`)
    return 1
  }
}
