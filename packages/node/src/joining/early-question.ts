/**
 * Who is near a newcomer, asked before it has a link. While the links to its first contacts open, which takes five round trips, one of
 * them asks that of whoever is nearest to the newcomer, and answers over the introducer. So the newcomer dials its siblings the
 * moment its first link stands. Without an answer it loses nothing: it asks again over that link.
 */
import { compareDistances, equalIds, type Id, idKey } from '@kadrtc/kademlia'
import {
  contactsMax,
  decodeEarlyQuestion,
  decodeMessage,
  encodeEarlyQuestion,
  isEarlyAnswer,
  isEarlyQuestion,
} from '@kadrtc/wire'
import type { LookupPorts } from '../lookups/lookup-ports.js'
import { firstWays } from '../lookups/ways.js'
import type { SignalPath } from '../ports/link-transport.js'
import type { Random } from '../ports/random.js'
import { isProvenBy, type ProofPorts, provenReply } from '../rpc/reply-proof.js'

/** Newcomers answered at once. A quarter of all are told of each greeter, and one answer takes less than a second. A guess. */
const answeringMax = 8
/** How long whoever is nearest is waited for: the newcomer's first link stands soon after, and then it asks over that. A guess. */
const askingOnMs = 1_000
/** Questions of this node that may be answered: one for each introducer. A node that stays alone asks again and again. */
const askedMax = 4

export interface EarlyQuestionPorts extends LookupPorts, ProofPorts {
  readonly random: Random
}

export class EarlyQuestion {
  /** Whom this node has asked and not heard from, by the nonce of its question, the latest last. */
  readonly #asked = new Map<number, Id>()
  #answering = 0
  #closed = false

  constructor(
    readonly ports: EarlyQuestionPorts,
    /** Told who is near, nearest first, by the first answer to what was asked so far. */
    readonly onNear: (near: readonly Id[]) => void,
  ) {}

  ask(contact: Id, path: SignalPath): void {
    const nonce = this.ports.random.bytes(6).reduce((sum, byte) => sum * 256 + byte, 0)
    this.#asked.set(nonce, contact)
    const [oldest] = this.#asked.keys()
    if (this.#asked.size > askedMax && oldest !== undefined) this.#asked.delete(oldest)
    path.send(encodeEarlyQuestion(nonce))
  }

  /** What came over an introducer. False: it is a signal, and none of this node's questions or answers. */
  receive(from: Id, bytes: Uint8Array, path: SignalPath): boolean {
    if (isEarlyQuestion(bytes)) {
      if (!this.#closed) this.#answer(from, bytes, path)
    } else if (isEarlyAnswer(bytes)) {
      this.#accept(from, bytes).catch(() => undefined)
    } else return false
    return true
  }

  close(): void {
    this.#closed = true
    this.#asked.clear()
  }

  /** Malformed questions, and those that are too many, get none. */
  #answer(newcomer: Id, question: Uint8Array, path: SignalPath): void {
    if (this.#answering >= answeringMax || this.ports.links.size === 0) return
    this.#answering += 1
    this.#signedAnswer(newcomer, question)
      .then((answer) => {
        if (!this.#closed) path.send(answer)
      })
      .catch(() => undefined)
      .finally(() => {
        this.#answering -= 1
      })
  }

  async #signedAnswer(newcomer: Id, question: Uint8Array): Promise<Uint8Array> {
    const nonce = decodeEarlyQuestion(question)
    const contacts = await this.#whoIsNear(newcomer)
    return provenReply(this.ports, newcomer, question, { type: 'nodes', nonce, contacts })
  }

  /** One packet goes to whoever is nearest; no answer leaves those who are linked here. */
  async #whoIsNear(newcomer: Id): Promise<Id[]> {
    const { own, links, rpc } = this.ports
    const near = new Map<string, Id>()
    const add = (ids: readonly Id[]) => {
      for (const id of ids) if (!equalIds(id, newcomer)) near.set(idKey(id), id)
    }
    add([own, ...links.closest(newcomer, contactsMax)])
    const [way] = firstWays(own, newcomer, links, 1)
    const question = { type: 'find-node', target: newcomer } as const
    const options = { timeoutMs: askingOnMs }
    const answer = way && (await rpc.request(way, question, options).catch(() => undefined))
    if (answer) add([answer.responder, ...answer.reply.contacts])
    return [...near.values()].sort((a, b) => compareDistances(newcomer, a, b)).slice(0, contactsMax)
  }

  async #accept(from: Id, bytes: Uint8Array): Promise<void> {
    const { message, proof, signedBytes } = decodeMessage(bytes)
    if (message.type !== 'nodes' || !proof) return
    const isExpected = () => {
      const asked = this.#asked.get(message.nonce)
      return asked !== undefined && equalIds(from, asked)
    }
    if (!isExpected()) return
    const question = encodeEarlyQuestion(message.nonce)
    if (!(await isProvenBy(this.ports, from, proof, question, signedBytes)) || !isExpected()) return
    this.#asked.clear()
    this.onNear(message.contacts)
  }
}
