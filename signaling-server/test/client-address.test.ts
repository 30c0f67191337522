import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { addressGroup, clientAddress } from '../src/client-address.js'

describe('the group an address counts under', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1:2:3:4::192.0.2.7', '1:2:3:4::/64'],
    ['::2:3:4:5:6:7', '0:0:2:3::/64'],
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, group) => {
    expect(addressGroup(address)).toBe(group)
  })
})

describe('the address of a client', () => {
  const request = (forwarded?: string) =>
    ({
      socket: { remoteAddress: '10.0.0.1' },
      headers: { 'x-forwarded-for': forwarded },
    }) as unknown as IncomingMessage

  it("is the socket's own when no proxy is trusted, whatever a header says", () => {
    expect(clientAddress(request('192.0.2.1'), 0)).toBe('10.0.0.1')
  })

  it('is what the outermost trusted proxy wrote, not what the client wrote before it', () => {
    expect(clientAddress(request('203.0.113.9, 192.0.2.1'), 1)).toBe('192.0.2.1')
    expect(clientAddress(request('203.0.113.9, 192.0.2.1, 10.0.0.2'), 2)).toBe('192.0.2.1')
  })

  it("falls back to the socket's own when the header is missing, too short or no address", () => {
    for (const header of [undefined, '', 'unknown', '192.0.2.1\u0000']) {
      expect(clientAddress(request(header), 1)).toBe('10.0.0.1')
    }
    expect(clientAddress(request('192.0.2.1'), 2)).toBe('10.0.0.1')
  })
})
