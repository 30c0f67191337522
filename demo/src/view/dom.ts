/** Elements, made and found. All text goes in as text: nothing here can turn data into markup. */

type Child = Node | string

/** `attributes` are set by name, e.g. `{ class: 'id', title }`; an undefined one is left out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(name, value)
  }
  made.append(...children)
  return made
}

export function svgElement<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: SVGElement[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  made.append(...children)
  return made
}

/** The element of index.html with this id, checked to be of this class: a misspelt id fails at once, and by name. */
export function part<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} with the id ${id}`)
  return found
}

/** Lets the keyboard scroll what the mouse can; not every browser does so by itself. */
export function scrollable<T extends HTMLElement>(region: T): T {
  region.tabIndex = 0
  return region
}

/** Leaves equal text alone, so that a screen reader is not told it again and a selection survives. */
export function setText(of: Element, text: string): void {
  if (of.textContent !== text) of.textContent = text
}
