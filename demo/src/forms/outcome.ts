/**
 * Where a verb's outcome is shown: that it is under way, what came of it and how long that took, or the code and message
 * of its error. An <output> is announced by screen readers. Only the latest verb may speak.
 */
import { type Failure, failureOf } from '../model/failure.js'
import { formatElapsed } from '../model/format.js'
import { element } from '../view/dom.js'

/** Most verbs end before this, and a message that flashes by only unsettles. */
const patienceMs = 150

export interface Success {
  readonly title: string
  /** False for an answer that is none, such as a key nobody put. */
  readonly found?: boolean
  readonly body?: readonly Node[]
}

export class Outcome {
  #run = 0

  constructor(readonly output: HTMLOutputElement) {}

  /** Runs the verb and shows what comes of it. Never rejects; resolves with whether it succeeded. */
  async run(underWay: string, verb: () => Promise<Success>): Promise<boolean> {
    this.#run += 1
    const run = this.#run
    const latest = () => run === this.#run
    const waiting = setTimeout(() => latest() && this.#show('pending', headline(underWay)), patienceMs)
    const startedAtMs = performance.now()
    try {
      const { title, found = true, body = [] } = await verb()
      const elapsed = element('span', { class: 'elapsed' }, formatElapsed(performance.now() - startedAtMs))
      if (latest()) this.#show(found ? 'success' : 'nothing', headline(title, elapsed), ...body)
      return true
    } catch (error) {
      if (latest()) this.#show('failure', ...failureView(failureOf(error)))
      return false
    } finally {
      clearTimeout(waiting)
    }
  }

  clear(): void {
    this.#run += 1
    this.#show('', '')
  }

  #show(kind: string, ...content: (Node | string)[]): void {
    this.output.dataset.kind = kind
    this.output.replaceChildren(...content)
  }
}

function headline(title: string, ...more: Node[]): HTMLElement {
  return element('p', { class: 'headline' }, element('span', {}, title), ...more)
}

function failureView({ code, message }: Failure): HTMLElement[] {
  return [
    element('p', { class: 'headline' }, element('code', { class: 'code' }, code)),
    element('p', {}, message),
  ]
}
