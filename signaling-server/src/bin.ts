#!/usr/bin/env node
/** `kadrtc-signaling-server`: the command in a real process. */
import { runCommand } from './command.js'

process.exitCode = await runCommand(process.argv.slice(2), {
  print: (text) => console.log(text),
  printError: (text) => console.error(text),
  stopRequested: () =>
    new Promise((resolve) => {
      // Once each: a second signal ends the process at once, as the system does.
      process.once('SIGINT', () => resolve())
      process.once('SIGTERM', () => resolve())
    }),
})
