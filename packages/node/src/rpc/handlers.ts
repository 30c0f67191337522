/** Answers other nodes' requests. Nothing here trusts the asker: each answer would be right for anybody. */
import type { Reply, Request } from '@kadrtc/wire'
import type { Origin } from '../overlay/router.js'
import { overlayPath } from '../overlay/signal-paths.js'
import type { Awaitable } from '../ports/identity.js'
import { FindHandlers } from './find-handlers.js'
import type { HandlerPorts } from './handler-ports.js'
import { StoreHandlers } from './store-handlers.js'

export class Handlers {
  readonly served = { ping: 0, findNode: 0, findValue: 0, store: 0, digest: 0, signal: 0, findLinks: 0 }
  readonly #find: FindHandlers
  readonly #store: StoreHandlers

  constructor(readonly ports: HandlerPorts) {
    this.#find = new FindHandlers(ports)
    this.#store = new StoreHandlers(ports)
  }

  handle(request: Request, origin: Origin): Awaitable<Reply | undefined> {
    switch (request.type) {
      case 'ping':
        this.served.ping += 1
        return { type: 'pong', nonce: request.nonce, payload: request.payload }
      case 'find-node':
        this.served.findNode += 1
        return this.#find.findNode(request, origin)
      case 'find-value':
        this.served.findValue += 1
        return this.#find.findValue(request, origin)
      case 'store':
        this.served.store += 1
        return this.#store.store(request, origin)
      case 'digest':
        this.served.digest += 1
        return this.#store.digest(request, origin)
      case 'signal':
        this.served.signal += 1
        this.ports.transport.receiveSignal(origin.id, request.signal, this.#pathBack(origin))
        return undefined
      case 'find-links':
        if (origin.route.length !== 1) return { type: 'error', nonce: request.nonce, code: 'bad-request' }
        this.served.findLinks += 1
        return this.#find.findLinks(request, origin)
      case 'channel-open': {
        if (origin.route.length !== 1) return { type: 'error', nonce: request.nonce, code: 'bad-request' }
        const opened = this.ports.channels().onOpen(origin.link, request.channel, request.label)
        if (!opened) return { type: 'error', nonce: request.nonce, code: 'refused' }
        return { type: 'channel-opened', nonce: request.nonce }
      }
    }
  }

  /** May a request on its way to somebody closer be answered here? */
  answersEarly(request: Request): boolean {
    switch (request.type) {
      case 'store':
        return this.#store.answersEarly(request)
      case 'find-value':
        return this.#find.answersEarly(request)
      default:
        return false
    }
  }

  #pathBack(origin: Origin) {
    const { own, links } = this.ports
    return overlayPath({ own, links, rpc: this.ports.rpc() }, origin.id, origin.route)
  }
}
