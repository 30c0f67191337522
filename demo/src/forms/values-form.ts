/** Put, get, get all and delete. */
import type { AuthoredValue, KadrtcNode, Value } from 'kadrtc'
import { formatPlural } from '../model/format.js'
import { readTyped, showValue } from '../model/value-text.js'
import { element, part } from '../view/dom.js'
import { nodeName } from '../view/node-name.js'
import { Outcome, type Success } from './outcome.js'
import { onSubmit, textOf } from './submit.js'

/** Says what a person did, for the log. */
export type Tell = (text: string) => void

export class ValuesForm {
  readonly #put = new Outcome(part('put-outcome', HTMLOutputElement))
  readonly #get = new Outcome(part('get-outcome', HTMLOutputElement))
  readonly #getForm = part('get-form', HTMLFormElement)

  /** `node` throws when there is none. */
  constructor(
    readonly node: () => KadrtcNode,
    readonly tell: Tell,
  ) {
    onSubmit(part('put-form', HTMLFormElement), (fields) => this.#onPut(fields))
    onSubmit(this.#getForm, (fields, verb) => this.#onGet(textOf(fields, 'key'), verb))
  }

  #onPut(fields: FormData): Promise<boolean> {
    const key = textOf(fields, 'key')
    const keyField = this.#getForm.elements.namedItem('key')
    if (keyField instanceof HTMLInputElement) keyField.value = key
    return this.#put.run('Looking for the closest tabs…', async () => {
      const value = readTyped(textOf(fields, 'value'), textOf(fields, 'format') === 'json' ? 'json' : 'text')
      const { stored, wanted } = await this.node().put(key, value)
      this.tell(`Put “${key}” on ${stored} of ${formatPlural(wanted, 'tab')}`)
      return { title: `Stored on ${stored} of ${formatPlural(wanted, 'tab')}` }
    })
  }

  #onGet(key: string, verb: string): Promise<boolean> {
    const underWay = 'Asking the closest tabs…'
    switch (verb) {
      case 'delete':
        return this.#get.run(underWay, () => this.#delete(key))
      case 'get-all':
        return this.#get.run(underWay, async () => all(await this.node().getAll(key)))
      default:
        return this.#get.run(underWay, async () => one(await this.node().get(key)))
    }
  }

  async #delete(key: string): Promise<Success> {
    const { stored, wanted } = await this.node().delete(key)
    this.tell(`Deleted “${key}” on ${stored} of ${formatPlural(wanted, 'tab')}`)
    return { title: `Deleted on ${stored} of ${formatPlural(wanted, 'tab')}` }
  }
}

function one(value: Value | undefined): Success {
  if (value === undefined) return { title: 'Nothing under this key', found: false }
  return { title: kindOf(value), body: [valueView(value)] }
}

function all(values: readonly AuthoredValue[]): Success {
  if (values.length === 0) return { title: 'Nothing under this key', found: false }
  const items = values.map(({ author, value }) => element('li', {}, nodeName(author), valueView(value)))
  return {
    title: `${formatPlural(values.length, 'author')}, newest first`,
    body: [element('ol', { class: 'authors' }, ...items)],
  }
}

function kindOf(value: Value): string {
  if (typeof value === 'string') return 'Text'
  return value instanceof Uint8Array ? 'Bytes' : 'JSON'
}

function valueView(value: Value): HTMLElement {
  const text = showValue(value)
  if (text === '') return element('p', { class: 'empty' }, 'The empty text.')
  return element('pre', { tabindex: '0', 'aria-label': 'The value' }, text)
}
