/**
 * Keeps the children of an element in step with a list, one child per key. Elements are made once, updated in place
 * and moved only when their order changed, so that focus, selection and scroll survive a refresh every second.
 */
export interface RowOf<T> {
  readonly element: HTMLElement
  update(item: T): void
}

export class KeyedList<T> {
  readonly #rows = new Map<string, RowOf<T>>()

  constructor(
    readonly parent: HTMLElement,
    readonly keyOf: (item: T) => string,
    readonly makeRow: (item: T) => RowOf<T>,
  ) {}

  show(items: readonly T[]): void {
    const keys = new Set(items.map(this.keyOf))
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue
      row.element.remove()
      this.#rows.delete(key)
    }
    items.forEach((item, index) => {
      const row = this.#row(item)
      row.update(item)
      const there = this.parent.children[index]
      if (there !== row.element) this.parent.insertBefore(row.element, there ?? null)
    })
  }

  #row(item: T): RowOf<T> {
    const key = this.keyOf(item)
    const row = this.#rows.get(key) ?? this.makeRow(item)
    this.#rows.set(key, row)
    return row
  }
}
