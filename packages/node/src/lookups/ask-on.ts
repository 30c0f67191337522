/**
 * Asks a node on when one reply had no room for the records of all authors under a key: each next question tells
 * the last author that the reply before it had. Who updates a record meanwhile keeps its place, so nobody is passed over.
 */
import { authorIdOf, type Id, idKey, type KadRecord } from '@kadrtc/kademlia'
import type { Answer, Question } from '../rpc/question.js'
import type { Rpc } from '../rpc/rpc.js'

/** Replies of one node: each has a record at least, and holders keep 256 under a key unless told otherwise. */
const repliesMax = 256

export interface AskOnOptions {
  readonly question: Question<'find-value'>
  /** The first answer, which said `more`. */
  readonly answer: Answer<'find-value'>
  /** Told of each further reply; `isLast`: now the node has told all that it has. */
  readonly onRecords: (records: readonly KadRecord[], isLast: boolean) => Promise<unknown>
  /** Nobody waits for more. */
  readonly isDone: () => boolean
}

/** Rejects as a request does. Resolves without a last reply when the node does not go on where it was asked to. */
export async function askOn(
  rpc: Pick<Rpc, 'request'>,
  { question, answer, onRecords, isDone }: AskOnOptions,
): Promise<void> {
  const way = { kind: 'route', route: answer.route } as const
  let after = lastAuthor(answer.reply.records)
  for (let replies = 1; after && replies < repliesMax && !isDone(); replies++) {
    const { reply } = await rpc.request(way, Object.assign({}, question, { after }))
    const next = lastAuthor(reply.records)
    if (next && idKey(next) <= idKey(after)) return
    await onRecords(reply.records, !reply.more)
    after = reply.more ? next : undefined
  }
}

/** Those who are asked on by one read. Bounded by who answers it. */
export class AskedOn {
  readonly #underWay = new Set<Promise<void>>()
  /** Why one of them could not be asked to the end. */
  failure: unknown

  add(asking: Promise<void>): void {
    const ended = asking
      .catch((error) => {
        this.failure ??= error
      })
      .then(() => {
        this.#underWay.delete(ended)
      })
    this.#underWay.add(ended)
  }

  /** At once, where nobody is being asked on. */
  whenEnded(then: () => void): void {
    if (this.#underWay.size === 0) then()
    else Promise.all(this.#underWay).then(() => this.whenEnded(then))
  }
}

function lastAuthor(records: readonly KadRecord[]): Id | undefined {
  const last = records.at(-1)
  return last?.kind === 'signed' ? authorIdOf(last) : undefined
}
