/**
 * FIND_VALUE. Fast first: alpha packets toward the key over different links, answered by any holder on the way.
 * When they bring too few holders, none, or nothing in time, the careful lookup goes on from what was heard. Once
 * one valid record is there, the others have a short patience to bring a newer one, so that dead holders cost
 * milliseconds and not timeouts.
 */
import { idKey, type KadRecord } from '@kadrtc/kademlia'
import { contactsMax } from '@kadrtc/wire'
import type { CancelSignal } from '../cancel-signal.js'
import { KadrtcError } from '../errors.js'
import type { Timer } from '../ports/clock.js'
import type { Link } from '../ports/link-transport.js'
import type { Random } from '../ports/random.js'
import type { RecordProofs } from '../records/proofs.js'
import { NotSent } from '../rpc/not-sent.js'
import type { Answer, Question } from '../rpc/question.js'
import type { Way } from '../rpc/way.js'
import { AskedOn, askOn } from './ask-on.js'
import { carefulLookup, type Findings, type Heard } from './careful-lookup.js'
import { type Contact, contactsBehind } from './contact.js'
import { CopiesTold } from './copies-told.js'
import { linkedContacts } from './find-closest.js'
import { ReadFindings } from './findings.js'
import { knownNear } from './known-near.js'
import type { LookupPorts } from './lookup-ports.js'
import { waysToRecords } from './ways.js'

/**
 * Nodes near the key that must have answered before a get says that there is nothing, whatever k is: while a network
 * settles, those who put and those who get may not agree on the k closest. What one reply names is as many.
 */
const absenceContacts = contactsMax

/** After a first valid record, and though all others are late: answers of one round trip come close together. A guess. */
const patienceLeastMs = 60

/** How many late answers a holder's may be behind that of one who doubts. A guess: below a second with all else. */
const doubtRounds = 2

export interface ReadOptions {
  readonly question: Question<'find-value'>
  /** What this node holds itself; counts as one holder if `vouched`. */
  readonly local: readonly KadRecord[]
  /** This node is one of the k closest, or has a copy while copies are about: what it holds is as good as what others do. */
  readonly vouched: boolean
  /** Links to ask first, in place of those that lead to the k closest: copies are about. */
  readonly copyHolders: readonly Link[]
  /** Holders whose answers are compared; 1: the first valid record wins. */
  readonly holdersWanted: number
  readonly signal?: CancelSignal | undefined
}

export interface ReadResult {
  /** The newest record of each slot; tombstones included. */
  readonly records: readonly KadRecord[]
  /** The longest that a copy may be kept by these answers, in ms; undefined: no answer told of copies. */
  readonly copyMs: number | undefined
  /** No answer came from somebody who says nothing of copies. */
  readonly onlyCopies: boolean
  /** The node nearest to the key that was on the way and had none: where a copy shortens the next way. */
  readonly lacking: Contact | undefined
  /** Of those near the key, where they had to be asked. */
  readonly heard: Heard
}

/**
 * Rejects with the reason of `signal`; with CLOSED or BUSY when nothing was found and this node is closed, or could not ask
 * all whom it had to: it cannot say then that there is nothing. And with what went wrong when nobody has told all of its records.
 */
export function readRecords(
  ports: LookupPorts & { readonly random: Random },
  proofs: RecordProofs,
  options: ReadOptions,
): Promise<ReadResult> {
  return new Read(ports, proofs, options).result
}

class Read {
  readonly result: Promise<ReadResult>
  readonly #findings: ReadFindings
  readonly #copies: CopiesTold
  /** What each responder of the fast phase answered, for the careful phase not to ask it again. */
  readonly #answered = new Map<string, Findings>()
  /** Contacts of the careful phase that this node was too busy to ask. Bounded by those that a lookup asks. */
  readonly #notAsked = new Map<string, NotSent>()
  readonly #askedOn = new AskedOn()
  readonly #heard: Contact[] = []
  /** So many of these the careful lookup has been told of. */
  #told = 0
  #asked = 0
  #patience: Timer | undefined
  /** Runs from a record of somebody who doubts to be a holder. */
  #grace: Timer | undefined
  #hedge: Timer | undefined
  /** Whoever has been asked in this phase and not answered by then is late. */
  #answersDueMs = 0
  #careful = false
  #near: Heard = 'nobody'
  #done = false
  #resolve!: (result: ReadResult) => void
  #reject!: (reason: unknown) => void
  readonly #abort = () => this.#finish(() => this.#reject(this.options.signal?.reason))

  constructor(
    readonly ports: LookupPorts & { readonly random: Random },
    proofs: RecordProofs,
    readonly options: ReadOptions,
  ) {
    this.#findings = new ReadFindings(options.question, proofs)
    this.#copies = new CopiesTold(options.question.keyId)
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#begin()
  }

  #begin(): void {
    const { signal, local, vouched } = this.options
    if (signal?.aborted) return this.#abort()
    signal?.addEventListener('abort', this.#abort)
    this.#expectAnswers()
    if (local.length === 0) return this.#askFast()
    this.#findings
      .add(this.ports.own, local, !vouched && this.options.holdersWanted > 1)
      .then((valid) => {
        if (valid && (vouched || this.options.holdersWanted === 1)) this.#consider()
        if (!this.#done) this.#askFast()
      })
      .catch(() => this.#askFast())
  }

  #askFast(): void {
    const { own, links, settings, random } = this.ports
    const { keyId } = this.options.question
    const { copyHolders } = this.options
    const ways: Way[] =
      copyHolders.length > 0
        ? copyHolders.map((link) => ({ kind: 'link', link }))
        : waysToRecords(own, keyId, links, settings, random)
    let open = ways.length
    if (open === 0) return this.#askCarefully()
    this.#expectAnswers()
    this.#setHedge()
    for (const way of ways) {
      this.#ask(way)
        .catch(() => undefined)
        .finally(() => {
          open -= 1
          if (open === 0) this.#askedOn.whenEnded(() => this.#askCarefully())
        })
    }
  }

  #setHedge(): void {
    const { clock, rpc } = this.ports
    this.#hedge?.cancel()
    this.#hedge = clock.setTimer(this.#answersDueMs - clock.now(), () => {
      rpc.noteSilence()
      this.#askCarefully()
    })
  }

  async #ask(way: Way): Promise<Findings> {
    const { question } = this.options
    // A holder names nobody: at first it is holders that are asked. What goes its way over many links seldom brings an answer.
    const known = this.#careful && way.kind !== 'toward' ? this.#known() : {}
    const answer = await this.ports.rpc.request(way, Object.assign({}, question, known))
    const { reply, responder, route } = answer
    const hasMore = question.all && reply.more
    const namesOthers = reply.contacts.length > 0
    const valid = await this.#findings.add(responder, reply.records, namesOthers || hasMore)
    if (valid && hasMore && !this.#answered.has(idKey(responder))) this.#askOn(answer)
    if (valid) this.#copies.note(reply.copyMs)
    const findings = { contacts: reply.contacts, route }
    this.#answered.set(idKey(responder), findings)
    this.#heard.push({ id: responder, route }, ...contactsBehind(reply.contacts, route))
    // Whoever passed the question on had no answer to it.
    const relay = route.at(-2)
    if (!valid) this.#copies.noteLacking({ id: responder, route })
    else if (relay) this.#copies.noteLacking({ id: relay, route: route.slice(0, -1) })
    this.#consider()
    return { contacts: reply.contacts, route, enough: this.#done }
  }

  /** Whoever has not told all that it has does not count as a holder. */
  #askOn(answer: Answer<'find-value'>): void {
    const { question } = this.options
    const asking = askOn(this.ports.rpc, {
      question,
      answer,
      onRecords: async (records, isLast) => {
        await this.#findings.add(answer.responder, records, answer.reply.contacts.length > 0 || !isLast)
        if (this.#done) return
        this.#expectAnswers()
        if (!this.#careful) this.#setHedge()
        this.#consider()
      },
      isDone: () => this.#done,
    })
    this.#askedOn.add(asking)
  }

  #known() {
    const contacts = [...linkedContacts(this.ports), ...this.#heard]
    return knownNear(this.ports, this.options.question.keyId, contacts, this.#asked++)
  }

  /**
   * Enough holders: done. One: the others have a little patience left. None, but a record of somebody who doubts to be a
   * holder: it may be the last one who lives.
   */
  #consider(): void {
    if (this.#done) return
    const { clock, rpc } = this.ports
    const { holders, records } = this.#findings
    if (holders >= this.options.holdersWanted) return this.#succeed()
    if (holders === 0 && records.length > 0 && this.#careful) {
      const graceMs = doubtRounds * rpc.roundTrips.relayed.hedgeAfterMs
      this.#grace ??= clock.setTimer(graceMs, () => this.#askedOn.whenEnded(() => this.#end()))
    }
    if (holders === 0 || this.#patience) return
    const patienceMs = Math.max(patienceLeastMs, this.#answersDueMs - clock.now())
    this.#patience = clock.setTimer(patienceMs, () => this.#succeed())
  }

  #expectAnswers(): void {
    const { clock, rpc } = this.ports
    this.#answersDueMs = clock.now() + rpc.roundTrips.relayed.hedgeAfterMs
  }

  #askCarefully(): void {
    if (this.#done || this.#careful) return
    this.#careful = true
    this.#hedge?.cancel()
    this.#expectAnswers()
    this.#consider()
    const { own } = this.ports
    const { keyId } = this.options.question
    carefulLookup(this.ports, {
      target: keyId,
      own,
      seeds: linkedContacts(this.ports),
      takeHeard: () => {
        const news = this.#heard.slice(this.#told)
        this.#told = this.#heard.length
        return news
      },
      signal: this.options.signal,
      paths: 1,
      k: absenceContacts,
      ask: async (contact, way) => this.#answered.get(idKey(contact.id)) ?? this.#askContact(contact, way),
    }).then(
      ({ heard }) => {
        this.#near = heard
        this.#askedOn.whenEnded(() => this.#end())
      },
      (reason) => this.#finish(() => this.#reject(reason)),
    )
  }

  async #askContact(contact: Contact, way: Way): Promise<Findings> {
    try {
      const findings = await this.#ask(way)
      this.#notAsked.delete(idKey(contact.id))
      return findings
    } catch (error) {
      if (error instanceof NotSent) this.#notAsked.set(idKey(contact.id), error)
      throw error
    }
  }

  /** Nobody is waited for any more. */
  #end(): void {
    const { holders, records } = this.#findings
    const failure = records.length === 0 ? this.#whyNotAsked() : holders === 0 && this.#askedOn.failure
    if (failure) this.#finish(() => this.#reject(failure))
    else this.#succeed()
  }

  #whyNotAsked(): unknown {
    const [notSent] = this.#notAsked.values()
    return this.ports.rpc.isClosed ? new KadrtcError('CLOSED', 'the node') : notSent
  }

  #succeed(): void {
    const { copyMs, onlyCopies, lacking } = this.#copies
    const { records } = this.#findings
    this.#finish(() => this.#resolve({ records, copyMs, onlyCopies, lacking, heard: this.#near }))
  }

  #finish(settle: () => void): void {
    if (this.#done) return
    this.#done = true
    this.#patience?.cancel()
    this.#grace?.cancel()
    this.#hedge?.cancel()
    this.options.signal?.removeEventListener('abort', this.#abort)
    settle()
  }
}
