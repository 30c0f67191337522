/** `npm run sim` */
import { runSim } from './run-sim.js'

process.exitCode = await runSim(process.argv.slice(2), process)
