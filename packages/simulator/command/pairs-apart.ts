import type { Id } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'

/** Which pairs can connect, by chance but always the same for the same two: as with NATs, nobody knows beforehand. */
export function pairsApart(seed: string, fraction: number): (a: Id, b: Id) => boolean {
  const salt = new SeededRandom(`${seed}/nat`).uint32()
  return (a, b) => {
    let mixed = salt
    // The ids' difference is the same from both ends.
    for (let i = 0; i < a.length; i++) mixed = Math.imul(mixed ^ a[i]! ^ b[i]!, 0x01000193)
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32 >= fraction
  }
}
