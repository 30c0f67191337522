/**
 * Which address a connection counts under. Behind a reverse proxy every socket comes from the proxy, so the
 * operator says how many proxies stand in front; only what those wrote is believed.
 */
import type { IncomingMessage } from 'node:http'
import { isIPv4, isIPv6 } from 'node:net'

/**
 * The address to count a connection under. Proxies append to X-Forwarded-For, so the entry written by the
 * outermost trusted one is the `trustedProxies`-th from the right; anything left of it is the client's own
 * word. A missing or malformed entry falls back to the socket's own address.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: number): string {
  const socketAddress = request.socket.remoteAddress ?? 'unknown'
  if (trustedProxies === 0) return addressGroup(socketAddress)
  const header = request.headers['x-forwarded-for']
  const entries = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',')
  const forwarded = entries.at(-trustedProxies)?.trim() ?? ''
  return addressGroup(isIPv4(forwarded) || isIPv6(forwarded) ? forwarded : socketAddress)
}

/**
 * IPv4 as it is. IPv6 as its /64, which is what one household or one rented machine is given: counting single
 * addresses there would count nothing. IPv4 mapped into IPv6 is IPv4.
 */
export function addressGroup(address: string): string {
  const plain = address.split('%', 1)[0]!
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1]
  if (mapped && isIPv4(mapped)) return mapped
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const right = tail === '' ? [] : tail.split(':')
    // A dotted quad at the end stands for two groups.
    const groups = left.length + right.length + (tail.includes('.') ? 1 : 0)
    left.push(...Array<string>(Math.max(0, 8 - groups)).fill('0'), ...right)
  }
  const prefix = left.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/64`
}
