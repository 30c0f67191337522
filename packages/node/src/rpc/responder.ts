/**
 * Replies to requests of peers. Straight over a link a reply goes unsigned; across a relay it carries our signature over
 * the network, the asker, its request and the reply. Either way it goes back over the link that brought the request.
 */
import { encodeMessage, type Reply, type Request } from '@kadrtc/wire'
import type { LinkTable } from '../overlay/link-table.js'
import type { Origin, Router } from '../overlay/router.js'
import type { Awaitable } from '../ports/identity.js'
import { HandledRequests } from './handled-requests.js'
import { type ProofPorts, provenReply } from './reply-proof.js'

export interface RequestHandlers {
  /** Answers a peer's request; undefined: no reply. */
  handle(request: Request, origin: Origin): Awaitable<Reply | undefined>
  /** May this node answer a request that is on its way to somebody closer? */
  answersEarly(request: Request): boolean
}

export interface ResponderPorts extends ProofPorts {
  readonly router: Router
  readonly links: LinkTable
  readonly handlers: RequestHandlers
}

export class Responder {
  /** Requests that were copies of one handled lately. */
  repeated = 0
  readonly #handled = new HandledRequests()

  constructor(
    readonly ports: ResponderPorts,
    readonly pendingPerLinkMax: number,
  ) {}

  /** Each once. `body`: the request as it came. What takes a while, signing included, counts against the bound of the link. */
  onRequest(request: Request, body: Uint8Array, origin: Origin): void {
    const neighbour = this.ports.links.neighbour(origin.link.peer)
    if (!neighbour) return
    const refusal = (code: 'busy' | 'refused') => ({ type: 'error', nonce: request.nonce, code }) as const
    if (neighbour.inbound >= this.pendingPerLinkMax) {
      // Over a relay even "busy" would have to be signed: silence costs the asker no more than a hedge.
      if (request.type !== 'signal' && origin.route.length === 1) this.#answer(refusal('busy'), body, origin)
      return
    }
    if (!this.#handled.note(request.nonce, origin.id)) {
      this.repeated += 1
      return
    }
    const reply = this.ports.handlers.handle(request, origin)
    const answer = (settled: Reply | undefined) => settled && this.#answer(settled, body, origin)
    const answered = reply instanceof Promise ? reply.then(answer) : answer(reply)
    if (!(answered instanceof Promise)) return
    neighbour.inbound += 1
    answered
      .catch(() => this.#answer(refusal('refused'), body, origin))
      .catch(() => undefined)
      .finally(() => {
        neighbour.inbound -= 1
      })
  }

  /** A promise only where signing is one. */
  #answer(reply: Reply, request: Uint8Array, origin: Origin): Awaitable<void> {
    const { router } = this.ports
    const send = (bytes: Uint8Array) => {
      router.sendBack(origin, bytes)
    }
    if (origin.route.length === 1) return send(encodeMessage(reply))
    const proven = provenReply(this.ports, origin.id, request, reply)
    return proven instanceof Promise ? proven.then(send) : send(proven)
  }
}
