import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  encodeClientMessage,
  helloSigningBytes,
  networkHash,
  protocolVersion,
  signalBytesMax,
} from '@kadrtc/wire'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSignalingServer, type SignalingServer } from '../src/index.js'
import { opened, TestClient, TestKeys } from './test-client.js'

let server: SignalingServer
let honest: TestClient

beforeEach(async () => {
  server = await createSignalingServer({ port: 0, limits: { joinsPerMinute: 10_000 } })
  honest = new TestClient(server)
  await honest.promoted()
})

afterEach(async () => {
  // Whatever a test did, it cost its own socket only.
  await honest.settled()
  await server.close()
})

describe('a proof of key', () => {
  it('is refused when it is signed by another key', async () => {
    const client = new TestClient(server)
    await client.hello('test', { publicKey: new TestKeys().publicKey })
    expect(await client.refused()).toBe('bad-proof')
    expect(await client.closed).toBe(1008)
  })

  it('is refused when it is for another nonce: a recorded one is worth nothing', async () => {
    const client = new TestClient(server)
    const nonce = new Uint8Array(32)
    const signature = client.keys.sign(helloSigningBytes(nonce, networkHash('test'), client.keys.publicKey))
    await client.hello('test', { signature })
    expect(await client.refused()).toBe('bad-proof')
  })

  it('is refused when it is for another network', async () => {
    const client = new TestClient(server)
    await client.hello('test', { network: 'other' })
    expect(await client.refused()).toBe('bad-proof')
  })

  it('is refused when the key is no key', async () => {
    const client = new TestClient(server)
    await client.hello('test', { publicKey: new Uint8Array(32).fill(0xff) })
    expect(await client.refused()).toBe('bad-proof')
  })

  it('of another version of the protocol is refused as that', async () => {
    const client = new TestClient(server)
    await client.hello('test', { version: protocolVersion + 1 })
    expect(await client.refused()).toBe('version')
  })
})

describe('a message', () => {
  it('that comes before the proof is refused', async () => {
    const client = new TestClient(server)
    await client.next('challenge')
    client.send({ type: 'joined' })
    expect(await client.refused()).toBe('bad-message')
    expect(server.stats().greeters).toBe(1)
  })

  it('that proves a key a second time is refused', async () => {
    const client = new TestClient(server)
    await client.welcomed()
    const signature = new Uint8Array(64)
    const { publicKey } = client.keys
    client.send({ type: 'hello', version: protocolVersion, network: 'test', publicKey, signature })
    expect(await client.refused()).toBe('bad-message')
  })

  it('of text is refused', async () => {
    const client = new TestClient(server)
    await client.welcomed()
    // As binary this would be `more`.
    client.socket.send('\x04')
    expect(await client.refused()).toBe('bad-message')
  })

  it('of more than 16 KiB ends the socket unread', async () => {
    const client = new TestClient(server)
    await client.welcomed()
    client.socket.send(new Uint8Array(16_385))
    expect(await client.closed).toBe(1009)
  })

  it('of no or random bytes costs its socket, before the welcome and after it', async () => {
    const bytes = fc.uint8Array({ maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (garbage, afterWelcome) => {
        const client = new TestClient(server)
        await (afterWelcome ? client.welcomed() : client.next('challenge'))
        // No type of message has this byte.
        client.socket.send(Uint8Array.of(0xff, ...garbage))
        expect(await client.refused()).toBe('bad-message')
      }),
      { numRuns: 40 },
    )
  })

  it('that is cut short or has a byte too many is refused', async () => {
    const signal = encodeClientMessage({ type: 'signal', to: honest.id, signal: new Uint8Array() })
    const joined = encodeClientMessage({ type: 'joined' })
    for (const bytes of [signal.slice(0, -1), Uint8Array.of(...joined, 0), new Uint8Array()]) {
      const client = new TestClient(server)
      await client.welcomed()
      client.socket.send(bytes)
      expect(await client.refused()).toBe('bad-message')
    }
  })

  it('with a signal beyond its limit is refused as that', async () => {
    const client = new TestClient(server)
    await client.welcomed()
    const { length } = encodeClientMessage({ type: 'signal', to: honest.id, signal: new Uint8Array() })
    client.socket.send(Uint8Array.of(0x02, ...new Uint8Array(length + signalBytesMax)))
    expect(await client.refused()).toBe('too-large')
  })

  it('sent after the refusal is not handled', async () => {
    const client = new TestClient(server)
    await client.welcomed()
    client.socket.send('text')
    client.send({ type: 'signal', to: honest.id, signal: Uint8Array.of(1) })
    expect(await client.refused()).toBe('bad-message')
    await honest.settled()
    expect(server.stats().counters.signalsRelayed).toBe(0)
  })
})

describe('raw bytes', () => {
  const upgrade =
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

  async function raw(...chunks: (string | Uint8Array)[]): Promise<string> {
    const socket: Socket = connect(server.address.port, server.address.host)
    socket.on('error', () => {})
    let answer = ''
    socket.on('data', (data) => {
      answer += data.toString('latin1')
    })
    await once(socket, 'connect')
    for (const chunk of chunks) socket.write(chunk)
    await once(socket, 'close')
    return answer
  }

  it('that are no HTTP are answered with 400', async () => {
    expect(await raw('\x16\x03\x01 hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  })

  it('that upgrade without a key are answered with 400', async () => {
    expect(await raw(upgrade.replace(/Sec-WebSocket-Key.*\r\n/, ''))).toMatch(/^HTTP\/1.1 400 /)
  })

  it.each([
    ['a frame without a mask', Uint8Array.of(0x82, 0x01, 0x00)],
    ['a frame with reserved bits', Uint8Array.of(0xf2, 0x80, 0, 0, 0, 0)],
    ['a frame with an unknown opcode', Uint8Array.of(0x8b, 0x80, 0, 0, 0, 0)],
    ['a length of 2^63', Uint8Array.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['a length of 1 GiB', Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0)],
    ['a fragment of nothing', Uint8Array.of(0x80, 0x80, 0, 0, 0, 0)],
    ['more fragments than any message needs', fragments(40)],
  ])('that are %s end the socket', async (_, frame) => {
    const answer = await raw(upgrade, frame)
    expect(answer).toMatch(/^HTTP\/1.1 101 /)
    while (server.stats().clients !== 1) await new Promise((resolve) => setImmediate(resolve))
  })

  it('that break off in the middle of a frame leave nothing behind', async () => {
    const client = new TestClient(server)
    await opened(client.socket)
    client.socket.terminate()
    await client.closed
    while (server.stats().clients !== 1) await new Promise((resolve) => setImmediate(resolve))
  })
})

/** One message that begins and goes on, one byte at a time, and does not end. */
function fragments(count: number): Uint8Array {
  const frames = Array.from({ length: count }, (_, i) => [i === 0 ? 0x02 : 0x00, 0x81, 0, 0, 0, 0, 0])
  return Uint8Array.from(frames.flat())
}
