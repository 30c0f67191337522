/** A whole simulated network inside one page, on `window.simulation`; bundled by the scenario. */
import { replayScenario } from '@kadrtc/simulator'

const simulation = { replay: replayScenario }

declare global {
  interface Window {
    simulation: typeof simulation
  }
}

window.simulation = simulation
