import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { type Id, nodeIdOf } from '@kadrtc/kademlia'
import {
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  helloSigningBytes,
  networkHash,
  protocolVersion,
  type ServerMessage,
} from '@kadrtc/wire'
import { type ClientOptions, WebSocket } from 'ws'
import type { SignalingServer } from '../src/index.js'

type Of<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>

/** An Ed25519 key pair and the node id that it makes. */
export class TestKeys {
  readonly publicKey: Uint8Array
  readonly id: Id
  readonly #privateKey: KeyObject

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    this.publicKey = new Uint8Array(Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url'))
    this.id = nodeIdOf(this.publicKey)
    this.#privateKey = privateKey
  }

  sign(bytes: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, bytes, this.#privateKey))
  }
}

export type Hello = Extract<ClientMessage, { type: 'hello' }>

/** A client that does what the test tells it to, honest or not. */
export class TestClient {
  readonly keys: TestKeys
  readonly socket: WebSocket
  /** The WebSocket close code. */
  readonly closed: Promise<number>
  readonly #inbox: ServerMessage[] = []
  #wake: () => void = () => {}

  constructor(server: SignalingServer, keys = new TestKeys(), options: ClientOptions = {}) {
    this.keys = keys
    this.socket = new WebSocket(server.url, options)
    this.socket.on('message', (data) => {
      this.#inbox.push(decodeServerMessage(data as Buffer))
      this.#wake()
    })
    this.socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => {
        resolve(code)
        this.#wake()
      })
    })
  }

  get id(): Id {
    return this.keys.id
  }

  send(message: ClientMessage): void {
    this.socket.send(encodeClientMessage(message))
  }

  /** The next message in the order of arrival, which must be of this type. */
  async next<Type extends ServerMessage['type']>(type: Type): Promise<Of<Type>> {
    while (this.#inbox.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`closed while waiting for ${type}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const message = this.#inbox.shift()!
    if (message.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(message)}`)
    return message as Of<Type>
  }

  async hello(network = 'test', changes: Partial<Hello> = {}): Promise<void> {
    const { nonce } = await this.next('challenge')
    const { publicKey } = this.keys
    const signature = this.keys.sign(helloSigningBytes(nonce, networkHash(network), publicKey))
    this.send({ type: 'hello', version: protocolVersion, network, publicKey, signature, ...changes })
  }

  async welcomed(network = 'test'): Promise<Of<'welcome'>> {
    await this.hello(network)
    return this.next('welcome')
  }

  async promoted(network = 'test'): Promise<void> {
    await this.welcomed(network)
    this.send({ type: 'joined' })
    await this.next('promote')
  }

  /** Asks for more and waits for the answer: nothing else has come before it, and the server has handled all that was sent. */
  async settled(): Promise<Of<'welcome'>> {
    this.send({ type: 'more' })
    return this.next('welcome')
  }

  /** Waits for the refusal and the close that follows. */
  async refused(): Promise<string> {
    const { code } = await this.next('refused')
    await this.closed
    return code
  }

  async leave(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

export async function opened(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CONNECTING) await once(socket, 'open')
}
