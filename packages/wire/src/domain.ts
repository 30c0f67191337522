/**
 * What is signed or hashed begins with a text that says what for, and the network's hash where there is one: a
 * signature made for one purpose or network is worth nothing in another. No prefix begins another, and each has
 * one length.
 */
import { encodeText } from './text.js'

/** Of what is signed: replies, records, signals, the hello to a server. Of what is hashed: network names, slots. */
export type Domain = 'reply' | 'record' | 'signal' | 'hello' | 'network' | 'slot'

/** Made at the first need: everything that is signed, checked or hashed asks for one. */
const prefixes = new Map<Domain, Uint8Array>()

/** UTF-8 of `kadrtc <domain> v1`. Not to be written into. */
export function domainPrefix(domain: Domain): Uint8Array {
  const known = prefixes.get(domain)
  if (known) return known
  const prefix = encodeText(`kadrtc ${domain} v1`)
  prefixes.set(domain, prefix)
  return prefix
}
