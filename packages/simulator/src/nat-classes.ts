/**
 * Which pairs of nodes can open a link, by the kind of NAT that each is behind (RFC 4787, sections 4 and 5). A symmetric NAT
 * takes another port toward each peer, and one that filters by port lets in only whom its node has sent to: so two of the
 * first kind never meet, nor one of each. All other pairs meet by punching holes (RFC 5128, section 3.3).
 *
 *     network.faults.canConnect = natClasses(7).canConnect
 */
import { type Id, idKey } from '@kadrtc/kademlia'

/** `open`: a public address, or a NAT that lets in anybody, or any port of whom its node has sent to. */
export type NatClass = 'open' | 'port-restricted' | 'symmetric'

/** Of all pairs, those who can open no link where nothing else is said. */
export const unconnectableShare = 0.08

/** Of all nodes, as long as symmetric ones leave room for them. A guess, between what measurements of homes and of mobile networks say. */
const portRestrictedMost = 0.35

export interface NatClasses {
  /** The same for the same seed and id. */
  classOf(id: Id): NatClass
  /** The same from both ends. */
  canConnect(a: Id, b: Id): boolean
}

/** `unconnectable` of 1 of all pairs can open no link: so many nodes are behind symmetric NATs. 0: all can; 1: none. */
export function natClasses(seed: string | number, unconnectable = unconnectableShare): NatClasses {
  const { symmetric, portRestricted } = shares(unconnectable)
  const salt = hash(0x811c9dc5, `${seed} nat`)
  const classOf = (id: Id): NatClass => {
    const fraction = fractionOf(salt, id)
    if (fraction < symmetric) return 'symmetric'
    return fraction < symmetric + portRestricted ? 'port-restricted' : 'open'
  }
  const isStrict = (natClass: NatClass) => natClass !== 'open'
  return {
    classOf,
    canConnect(a, b) {
      const [one, other] = [classOf(a), classOf(b)]
      if (one !== 'symmetric' && other !== 'symmetric') return true
      return !isStrict(one) || !isStrict(other)
    },
  }
}

/** Of s symmetric and p port-restricted nodes s^2 + 2sp of all pairs cannot connect. */
function shares(unconnectable: number): { symmetric: number; portRestricted: number } {
  const most = portRestrictedMost
  const symmetric = Math.sqrt(most * most + unconnectable) - most
  if (symmetric + most <= 1) return { symmetric, portRestricted: most }
  const all = 1 - Math.sqrt(1 - unconnectable)
  return { symmetric: all, portRestricted: 1 - all }
}

function fractionOf(salt: number, id: Id): number {
  let mixed = hash(salt, idKey(id))
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
}

function hash(basis: number, text: string): number {
  let mixed = basis
  for (let i = 0; i < text.length; i++) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193)
  return mixed
}
