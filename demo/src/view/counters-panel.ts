/** What the node counted: requests it sent, served and relayed, replicas it handed over. */
import type { Inspection } from 'kadrtc'
import { type CounterGroup, groupCounters } from '../model/counters.js'
import { formatCount, formatName } from '../model/format.js'
import { element, part, setText } from './dom.js'
import { KeyedList, type RowOf } from './keyed-list.js'

type Counter = CounterGroup['counters'][number]

export class CountersPanel {
  readonly #none = part('no-counters', HTMLElement)
  readonly #groups = new KeyedList(
    part('counters', HTMLElement),
    ({ title }: CounterGroup) => title,
    groupRow,
  )

  show(inspection: Inspection | undefined): void {
    this.#none.hidden = inspection !== undefined
    this.#groups.show(groupCounters(inspection?.counters ?? {}))
  }
}

function groupRow({ title }: CounterGroup): RowOf<CounterGroup> {
  const list = element('dl')
  const counters = new KeyedList(list, ([name]: Counter) => name, counterRow)
  return {
    element: element('section', {}, element('h3', {}, title), list),
    update: (group) => counters.show(group.counters),
  }
}

function counterRow([name]: Counter): RowOf<Counter> {
  const figure = element('dd')
  const row = element('div', {}, element('dt', {}, formatName(name)), figure)
  return {
    element: row,
    update([, value]) {
      setText(figure, formatCount(value))
      row.classList.toggle('zero', value === 0)
    },
  }
}
