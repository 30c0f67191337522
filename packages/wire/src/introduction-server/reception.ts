/**
 * An introduction server without its network: who is connected, and what each of them is told. Whoever owns the sockets
 * brings them here, passes on what they say, and calls `tick` about once a second. So every server keeps the same rules,
 * be its sockets and its clock real or simulated.
 */
import { ClientSession } from './client-session.js'
import type { Counters } from './counters.js'
import type { Limits } from './limits.js'
import { Networks } from './networks.js'
import type { Random } from './random.js'
import { AddressLimiter } from './rate-limiter.js'
import type { SessionContext, SessionSocket } from './session-context.js'

export interface ReceptionOptions {
  readonly limits: Limits
  /** Names of the networks that are served; undefined: any. */
  readonly networks: ReadonlySet<string> | undefined
  /** Told to everybody who is welcomed. */
  readonly iceServersJson: string
  readonly random: Random
  /** Whether an Ed25519 signature fits; false for malformed ones too, and never throws. */
  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean
  /** Milliseconds on a clock that only goes forward; its zero means nothing. */
  now(): number
}

/** Of a challenge: 256 bits are never the same twice. */
const nonceBytes = 32

export class Reception {
  readonly counters: Counters = { welcomed: 0, refused: 0, signalsRelayed: 0, messagesDropped: 0 }
  readonly #random: Random
  readonly #networks: Networks
  readonly #joins: AddressLimiter
  readonly #context: SessionContext
  /** Of sockets that have not closed; bounded by who asks `isFull` before it accepts. */
  readonly #sessions = new Set<ClientSession>()

  constructor(options: ReceptionOptions) {
    const { limits, iceServersJson } = options
    this.#random = options.random
    this.#networks = new Networks(options)
    this.#joins = new AddressLimiter(limits.joinsPerMinute, limits.addressesMax)
    this.#context = {
      networks: this.#networks,
      limits,
      iceServersJson,
      counters: this.counters,
      verify: (publicKey, bytes, signature) => options.verify(publicKey, bytes, signature),
      now: () => options.now(),
    }
  }

  /** No further socket is to be accepted. */
  get isFull(): boolean {
    return this.#sessions.size >= this.#context.limits.clientsMax
  }

  /** Sockets open now, those still proving their key included. */
  get clients(): number {
    return this.#sessions.size
  }

  /** Networks with at least one client now. */
  get networks(): number {
    return this.#networks.size
  }

  /** Over all networks. */
  get greeters(): number {
    return this.#networks.greeters
  }

  /** Addresses whose joins are being counted. */
  get addresses(): number {
    return this.#joins.size
  }

  /** The session of a socket that has just opened: challenged, or refused already if its address comes too often. */
  accept(socket: SessionSocket, address: string): ClientSession {
    const session = new ClientSession(socket, this.#context, this.#random.bytes(nonceBytes))
    this.#sessions.add(session)
    if (!this.#joins.admit(address, this.#context.now())) {
      session.refuse('rate-limited', 'too many joins from this address; try again in a minute')
    }
    return session
  }

  /** The socket of `session` has closed, for whatever reason. */
  left(session: ClientSession): void {
    this.#sessions.delete(session)
    session.closed()
  }

  /** Checks every deadline. */
  tick(): void {
    const now = this.#context.now()
    for (const session of this.#sessions) session.tick(now)
    this.#joins.sweep(now)
  }

  /** Tells everybody that the server closes, and ends their sockets. */
  shutDown(): void {
    for (const session of this.#sessions) session.shutDown()
  }
}
