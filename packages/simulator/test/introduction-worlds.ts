/** Two worlds in which nodes visit an introduction server: the real one over real sockets, with the introducer of a tab, and the model. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { once } from 'node:events'
import { type Id, idKey, nodeIdOf } from '@kadrtc/kademlia'
import type { Identity, Introducer, IntroducerSession } from '@kadrtc/node'
import { SeededRandom, StubIdentity, VirtualClock, VirtualIntroductionServer } from '@kadrtc/simulator'
import { webSocketIntroducer } from '@kadrtc/webrtc'
import type { Limits } from '@kadrtc/wire/introduction-server'
import { type Clock, createSignalingServer, type SignalingServer } from 'kadrtc-signaling-server'
import { expect, vi } from 'vitest'
import { WebSocket } from 'ws'

/** `who` and `to` are places, of which some have the same identity. */
export type Step =
  | { readonly act: 'connect' | 'joined' | 'leave' | 'crash'; readonly who: number }
  | { readonly act: 'send'; readonly who: number; readonly to: number; readonly times: number }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'restart' }

export const places = 10
const identities = 8
/** No session is pinged twice within it, so that each has time to answer. */
const breathMs = 29_000

const random = new SeededRandom('keys of twins')
const keys = Array.from({ length: identities }, () => privateKey(random.bytes(32)))
const indexOf = new Map(keys.map((key, i) => [idKey(nodeIdOf(publicBytes(key))), i]))

/** Of an Ed25519 seed, in the one form that the platform reads (RFC 8410, section 7). */
function privateKey(seed: Uint8Array) {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  return createPrivateKey({ key: Buffer.concat([head, seed]), format: 'der', type: 'pkcs8' })
}

function publicBytes(key: ReturnType<typeof privateKey>): Uint8Array {
  return new Uint8Array(Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x!, 'base64url'))
}

function realIdentity(place: number): Identity {
  const key = keys[place % identities]!
  const publicKey = publicBytes(key)
  const signed = (bytes: Uint8Array) => new Uint8Array(sign(null, bytes, key))
  return { publicKey, id: nodeIdOf(publicKey), sign: signed, verify: () => false }
}

const nameOf = (id: Id) => `node ${indexOf.get(idKey(id))}`

/** A server, and a node at each place, which writes down what it is told. */
abstract class World {
  readonly told: string[][] = Array.from({ length: places }, () => [])
  readonly sessions: IntroducerSession[] = []

  abstract open(place: number, heard: (line: string) => void): IntroducerSession
  abstract wait(ms: number): Promise<void>
  abstract restart(): Promise<void>
  abstract crash(place: number): void
  /** All that is on its way has arrived. */
  abstract settle(): Promise<void>

  begin(): void {
    for (let place = 0; place < places; place++) this.renew(place)
  }

  renew(place: number): void {
    const log = this.told[place]!
    const life: IntroducerSession = this.open(place, (line) => {
      if (this.sessions[place] === life) log.push(line)
    })
    this.sessions[place] = life
  }

  async take(step: Step): Promise<void> {
    switch (step.act) {
      case 'connect':
        this.sessions[step.who]!.connect()
        break
      case 'joined':
        this.sessions[step.who]!.joined()
        break
      case 'leave':
        this.sessions[step.who]!.close()
        this.renew(step.who)
        break
      case 'crash':
        this.crash(step.who)
        for (let place = step.who % identities; place < places; place += identities) this.renew(place)
        break
      case 'send': {
        const to = nodeIdOf(publicBytes(keys[step.to % identities]!))
        // What settled the step before has cost tokens; by now they are back.
        if (step.times > 1) await this.wait(1_000)
        for (let i = 0; i < step.times; i++)
          this.sessions[step.who]!.send(to, Uint8Array.of(step.who, i % 256))
        break
      }
      case 'wait':
        for (let left = step.ms; left > 0; left -= breathMs) {
          await this.wait(Math.min(left, breathMs))
          await this.settle()
        }
        break
      case 'restart':
        await this.restart()
    }
    await this.settle()
  }
}

function openAt(
  introducer: Introducer,
  identity: Identity,
  heard: (line: string) => void,
): IntroducerSession {
  return introducer.open(identity, 'twins', {
    onWelcome: (peers) => heard(`welcome: ${peers.map(nameOf).join(', ')}`),
    onSignal: (from, signal) => heard(`signal of ${nameOf(from)}: ${signal.join(' ')}`),
    onDown: (error) => heard(`down: ${error?.code ?? 'in peace'}`),
  })
}

export class ModelWorld extends World {
  readonly clock = new VirtualClock()
  readonly server: VirtualIntroductionServer

  constructor(limits: Partial<Limits>, seed: string) {
    super()
    const { clock } = this
    const addressOf = () => 'one address'
    this.server = new VirtualIntroductionServer({
      clock,
      random: new SeededRandom(seed),
      latencyMs: 0,
      limits,
      addressOf,
    })
    this.begin()
  }

  open(place: number, heard: (line: string) => void): IntroducerSession {
    const identity = new StubIdentity(publicBytes(keys[place % identities]!))
    return openAt(this.server.introducer(), identity, heard)
  }
  wait(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }
  async restart(): Promise<void> {
    this.server.stop()
    await this.settle()
    this.server.start()
  }
  crash(place: number): void {
    this.server.crash(nodeIdOf(publicBytes(keys[place % identities]!)))
  }
  settle(): Promise<void> {
    return this.clock.advance(0)
  }
}

/** Answers pings until its machine dies. */
class TabSocket extends WebSocket {
  isDead = false
  readonly #opened: Promise<unknown>
  readonly #closed: Promise<unknown>
  #answered = () => {}

  constructor(url: string) {
    super(url, { autoPong: false })
    this.#closed = once(this, 'close')
    this.#opened = Promise.race([once(this, 'open'), this.#closed]).catch(() => undefined)
    this.on('ping', (bytes) => {
      if (!this.isDead) this.pong(bytes)
    })
    this.on('pong', () => this.#answered())
    this.on('close', () => this.#answered())
  }

  /** What came before the answer to a ping has been handled, at both ends. */
  async turn(): Promise<void> {
    await this.#opened
    if (this.readyState === WebSocket.CLOSING) await this.#closed
    if (this.readyState !== WebSocket.OPEN || this.isDead) return
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve
    })
    this.ping()
    await answered
  }
}

/** The server's clock, which stands still until it is told to go on. */
function serverClock(clock: VirtualClock): Clock {
  const now = () => clock.elapsedMs
  const every = (intervalMs: number, fire: () => void) => {
    let timer = clock.setTimer(intervalMs, function again() {
      timer = clock.setTimer(intervalMs, again)
      fire()
    })
    return () => timer.cancel()
  }
  return { now, every }
}

export class RealWorld extends World {
  readonly sockets = new Map<TabSocket, number>()
  readonly #clock = new VirtualClock()
  #server!: SignalingServer

  constructor(
    readonly limits: Partial<Limits>,
    readonly random: SeededRandom,
  ) {
    super()
  }

  get clients(): number {
    return this.#server.stats().clients
  }

  async listen(port = 0): Promise<this> {
    const { limits, random: seeded } = this
    this.#server = await createSignalingServer({
      port,
      clock: serverClock(this.#clock),
      random: seeded,
      limits,
    })
    if (port === 0) this.begin()
    return this
  }

  open(place: number, heard: (line: string) => void): IntroducerSession {
    const { sockets } = this
    class Socket extends TabSocket {
      constructor(url: string) {
        super(url)
        sockets.set(this, place)
        this.on('close', () => sockets.delete(this))
      }
    }
    const options = { WebSocket: Socket as unknown as typeof globalThis.WebSocket }
    return openAt(webSocketIntroducer(this.#server.url, options), realIdentity(place), heard)
  }
  wait(ms: number): Promise<void> {
    return this.#clock.advance(ms)
  }
  async restart(): Promise<void> {
    const { port } = this.#server.address
    await this.#server.close()
    await this.settle()
    await this.listen(port)
  }
  crash(crashed: number): void {
    for (const [socket, place] of this.sockets) {
      if (place % identities === crashed % identities) socket.isDead = true
    }
  }
  /** Rounds: a challenge, its answer, the welcome; a signal, to the server and from it; a pong. */
  async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      await Promise.all([...this.sockets.keys()].map((socket) => socket.turn()))
    }
    await vi.waitFor(() => expect(this.clients).toBe(this.sockets.size), { interval: 1 })
  }
  close(): Promise<void> {
    return this.#server.close()
  }
}
