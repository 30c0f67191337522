/** How a node id is shown: its picture and its first digits, with the whole id a hover or a copy away. */
import { shortId } from '../model/format.js'
import { nodeGlyph } from '../model/node-glyph.js'
import { element, svgElement } from './dom.js'

export function glyphOf(id: string): SVGSVGElement {
  const { hue, cells } = nodeGlyph(id)
  const picture = svgElement(
    'svg',
    { viewBox: '-1 -1 7 7', class: 'glyph', 'aria-hidden': 'true' },
    ...cells.map(([x, y]) => svgElement('rect', { x, y, width: 1.02, height: 1.02 })),
  )
  picture.style.setProperty('--hue', String(hue))
  return picture
}

export function nodeName(id: string): HTMLElement {
  return element('span', { class: 'node-name', title: id }, glyphOf(id), element('code', {}, shortId(id)))
}
