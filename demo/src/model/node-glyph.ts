/**
 * A small picture of a node id, so that people can tell tabs apart across windows: five columns of five cells, mirrored,
 * in a hue of its own. Not a fingerprint to trust: similar pictures are easy to make. Pure.
 */
export interface NodeGlyph {
  /** Degrees on the colour circle. */
  readonly hue: number
  /** Cells that are filled, as [column, row] from 0 to 4. */
  readonly cells: readonly (readonly [column: number, row: number])[]
}

/** `id` in hex. Its last digits decide: those of near nodes begin alike, and should not look alike. */
export function nodeGlyph(id: string): NodeGlyph {
  const hue = Math.round((Number.parseInt(id.slice(-4), 16) / 0x10000) * 360)
  const bits = Number.parseInt(id.slice(-8, -4), 16)
  const cells: [number, number][] = []
  for (let row = 0; row < 5; row++) {
    for (let column = 0; column < 3; column++) {
      if (((bits >> (row * 3 + column)) & 1) === 0) continue
      cells.push([column, row])
      if (column < 2) cells.push([4 - column, row])
    }
  }
  return { hue, cells }
}
