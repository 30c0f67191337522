/** The command, from its arguments to its exit code. The process comes in as an argument, so that tests can be one. */
import { parseCommandLine, usage } from './command-line.js'
import { InvalidOption } from './invalid-option.js'
import { createSignalingServer } from './server.js'
import { version } from './version.js'

/** What the command needs of the process around it. */
export interface Surroundings {
  print(text: string): void
  printError(text: string): void
  /** Resolves when the process is asked to end. */
  stopRequested(): Promise<void>
}

/** Runs until it is asked to stop. 0: a clean end. 1: it cannot listen. 2: a flag it cannot use. Never rejects. */
export async function runCommand(args: readonly string[], surroundings: Surroundings): Promise<0 | 1 | 2> {
  const { print, printError } = surroundings
  try {
    const command = parseCommandLine(args)
    switch (command.run) {
      case 'help':
        print(usage.trimEnd())
        return 0
      case 'version':
        print(version)
        return 0
      case 'serve': {
        const server = await createSignalingServer(command.options)
        const stop = surroundings.stopRequested()
        print(`listening on ${server.url}`)
        await stop
        await server.close()
        return 0
      }
    }
  } catch (error) {
    printError(`kadrtc-signaling-server: ${error instanceof Error ? error.message : String(error)}`)
    if (!(error instanceof InvalidOption)) return 1
    printError('Try --help.')
    return 2
  }
}
