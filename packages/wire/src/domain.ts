/**
 * What is signed or hashed begins with a text that says what for, and the network's hash where there is one: a
 * signature made for one purpose or network is worth nothing in another. No prefix begins another, and each has
 * one length.
 */
import { encodeText } from './text.js'

/** Of what is signed: replies, records, signals, the hello to a server. Of what is hashed: network names, slots. */
export type Domain = 'reply' | 'record' | 'signal' | 'hello' | 'network' | 'slot'

/** UTF-8 of `kadrtc <domain> v1`. */
export function domainPrefix(domain: Domain): Uint8Array {
  return encodeText(`kadrtc ${domain} v1`)
}
