import { compareDistances, equalIds, type Id, idToHex } from '@kadrtc/kademlia'
import { type Introducer, type IntroducerEvents, KadNode } from '@kadrtc/node'
import { Cluster, StubIdentity } from '@kadrtc/simulator'
import {
  decodeEarlyQuestion,
  decodeMessage,
  decodePacket,
  encodeEarlyQuestion,
  encodeMessage,
  isEarlyAnswer,
  isEarlyQuestion,
  networkHash,
  replyProofBytes,
} from '@kadrtc/wire'
import { expect, test } from 'vitest'
import { tinyId } from './fake-link.js'

interface Carried {
  /** Whose introducer carries it, to whom or from whom. */
  readonly own: Id
  readonly other: Id
  readonly bytes: Uint8Array
  readonly isSent: boolean
}

/**
 * Nodes whose introducers tell all that they carry; what `carry` gives instead is carried in its place, and nothing for undefined.
 * They have `others` besides.
 */
function overheard(
  carry: (carried: Carried) => Uint8Array | undefined = ({ bytes }) => bytes,
  others: readonly Introducer[] = [],
) {
  const carried: Carried[] = []
  const events = new Map<string, IntroducerEvents>()
  const wrap = (introducer: Introducer): Introducer => ({
    name: introducer.name,
    open: (identity, network, heard) => {
      const own = identity.id
      events.set(idToHex(own), heard)
      const pass = (other: Id, bytes: Uint8Array, isSent: boolean) => {
        const one = { own, other, bytes, isSent }
        carried.push(one)
        return carry(one)
      }
      const session = introducer.open(identity, network, {
        ...heard,
        onSignal: (from, bytes) => {
          const passed = pass(from, bytes, false)
          if (passed) heard.onSignal(from, passed)
        },
      })
      return {
        connect: () => session.connect(),
        joined: () => session.joined(),
        close: () => session.close(),
        send: (to, bytes) => {
          const passed = pass(to, bytes, true)
          return passed ? session.send(to, passed) : true
        },
      }
    },
  })
  const cluster = new Cluster<KadNode>({
    seed: process.env.SEED ?? 1,
    createNode: (ports) =>
      new KadNode({ ...ports, introducers: [...ports.introducers.map(wrap), ...others] }),
    start: (node) => node.start(),
    stop: (node) => node.close(),
  })
  /** A newcomer, with whom it dials and when. */
  const add = () => {
    const { member, started } = cluster.add()
    const { transport } = member.ports
    const dialled: { peer: Id; atMs: number }[] = []
    const dial = transport.dial.bind(transport)
    transport.dial = (peer, ...given) => {
      dialled.push({ peer, atMs: cluster.clock.elapsedMs })
      return dial(peer, ...given)
    }
    const linked = { firstMs: Number.POSITIVE_INFINITY }
    member.node.on('link', () => {
      linked.firstMs = Math.min(linked.firstMs, cluster.clock.elapsedMs)
    })
    return { node: member.node, ports: member.ports, started, dialled, linked }
  }
  return { cluster, carried, events, add }
}

const isEarly = ({ bytes }: Carried) => isEarlyQuestion(bytes) || isEarlyAnswer(bytes)

test('a newcomer dials its siblings the moment its first link stands, since a first contact has told it who is near', async () => {
  const { cluster, add } = overheard()
  await cluster.grow(12)
  const { dialled, linked, started } = add()
  await cluster.run(started)
  await cluster.clock.advance(1_000)
  // Of twelve all are siblings, and three are first contacts.
  expect(dialled.filter(({ atMs }) => atMs === linked.firstMs)).toHaveLength(9)
  expect(dialled.filter(({ atMs }) => atMs > linked.firstMs)).toEqual([])
})

test('without that answer it dials them as soon as the first answer over a link names them', async () => {
  const { cluster, add } = overheard((carried) => (isEarly(carried) ? undefined : carried.bytes))
  await cluster.grow(12)
  const { dialled, linked, started } = add()
  await cluster.run(started)
  await cluster.clock.advance(1_000)
  const afterFirstLink = dialled.filter(({ atMs }) => atMs > linked.firstMs)
  expect(afterFirstLink).toHaveLength(9)
  // A round trip, 20 ms each way.
  expect(afterFirstLink[0]!.atMs - linked.firstMs).toBeLessThan(41)
})

test('who was named then is named by nobody again, and the ways to them are known all the same', async () => {
  const { cluster, add } = overheard()
  await cluster.grow(12)
  const heard: { type: string; contacts: number }[] = []
  const { node, started } = add()
  cluster.network.faults.drop = ({ to, bytes }) => {
    const { message } = decodeMessage(decodePacket(bytes).body)
    if (message.type === 'nodes' && equalIds(to, node.id))
      heard.push({ type: message.type, contacts: message.contacts.length })
    return false
  }
  await cluster.run(started)
  expect(heard[0]?.contacts).toBe(0)
  await cluster.clock.advance(5_000)
  expect(node.inspect().links).toHaveLength(12)
})

const stranger = tinyId('1111')

interface Told {
  readonly asked: StubIdentity
  readonly newcomer: Id
  readonly nonce: number
  readonly network: string
  /** As whose answer it is proved; default: the question. */
  readonly request?: Uint8Array
}

/** The answer of `signer`, which names a stranger. */
function naming(
  { asked, newcomer, nonce, network, request = encodeEarlyQuestion(nonce) }: Told,
  signer: StubIdentity = asked,
): Uint8Array {
  const message = { type: 'nodes', nonce, contacts: [stranger] } as const
  const proven = replyProofBytes(networkHash(network), newcomer, request, encodeMessage(message))
  return encodeMessage(message, { publicKey: signer.publicKey, signature: signer.sign(proven) }).slice()
}

/** A newcomer that is answered by what `forge` gives: did it dial whom that names, who is no node? */
async function believes(forge: (told: Told) => Uint8Array): Promise<boolean> {
  const forged: Uint8Array[] = []
  let nonce = 0
  const { cluster, add } = overheard(({ own, other, bytes, isSent }) => {
    if (isEarlyQuestion(bytes)) nonce = decodeEarlyQuestion(bytes)
    const asked = cluster.members.find(({ node }) => equalIds(node.id, other))?.ports
    if (cluster.members.length < 7 || isSent || !isEarlyAnswer(bytes)) return bytes
    const { identity, network } = asked!
    const answer = forge({ asked: identity as StubIdentity, newcomer: own, nonce, network })
    forged.push(answer)
    return answer
  })
  await cluster.grow(6)
  const { node, dialled, started } = add()
  await cluster.run(started)
  await cluster.clock.advance(5_000)
  expect(forged).toHaveLength(1)
  expect(node.inspect().links).toHaveLength(6)
  return dialled.some(({ peer }) => !cluster.nodes.some(({ id }) => equalIds(id, peer)))
}

test('an answer is believed of who was asked', async () => {
  expect(await believes((told) => naming(told))).toBe(true)
})

const forgeries: Record<string, (told: Told) => Uint8Array> = {
  'with another nonce': (told) => naming({ ...told, nonce: told.nonce + 1 }),
  'proved by somebody else': (told) => naming(told, new StubIdentity(new Uint8Array(32).fill(7))),
  'proved to somebody else': (told) => naming({ ...told, newcomer: tinyId('0101') }),
  'to another question': (told) => {
    const request = encodeMessage({ type: 'find-node', nonce: told.nonce, target: told.newcomer })
    return naming({ ...told, request })
  },
  'of another network': (told) => naming({ ...told, network: 'another' }),
  'whose proof was cut off': (told) => naming(told).subarray(0, -96),
  'that was cut short': (told) => naming(told).subarray(0, 60),
  'whose contact was exchanged': (told) => {
    const bytes = naming(told)
    bytes[8] = bytes[8]! ^ 1
    return bytes
  },
}

test.each(Object.keys(forgeries))(
  'no answer %s is believed, and the newcomer joins all the same',
  async (name) => {
    expect(await believes(forgeries[name]!)).toBe(false)
  },
)

test('nothing is believed of who was not asked', async () => {
  let nonce = 0
  const { cluster, events, add } = overheard(({ bytes }) => {
    if (isEarlyQuestion(bytes)) nonce = decodeEarlyQuestion(bytes)
    return isEarlyAnswer(bytes) ? undefined : bytes
  })
  await cluster.grow(6)
  const { node, ports, dialled, started } = add()
  const { network } = ports
  await cluster.clock.runUntil(() => nonce !== 0 && dialled.length > 0, { withinMs: 5_000 })
  const newcomer = node.id
  const wasDialled = (peer: Id) => dialled.some((dial) => equalIds(dial.peer, peer))
  const asked = cluster.members.find(({ node: { id } }) => !wasDialled(id))!.ports.identity as StubIdentity
  events.get(idToHex(newcomer))!.onSignal(asked.id, naming({ asked, newcomer, nonce, network }))
  await cluster.run(started)
  expect(wasDialled(stranger)).toBe(false)
})

test('so many are answered at once and no more, and none by who has no link', async () => {
  const { cluster, carried, events, add } = overheard()
  await cluster.grow(6)
  const ask = (node: KadNode, times: number) => {
    carried.splice(0)
    const { onSignal } = events.get(idToHex(node.id))!
    for (let i = 0; i < times; i++) onSignal(stranger, encodeEarlyQuestion(i))
  }
  const answers = () => carried.filter(({ bytes, isSent }) => isSent && isEarlyAnswer(bytes)).length
  ask(cluster.node(0), 20)
  await cluster.clock.advance(1_000)
  expect(answers()).toBe(8)
  ask(cluster.node(0), 1)
  await cluster.clock.advance(1_000)
  expect(answers()).toBe(1)
  const { node } = add()
  ask(node, 1)
  await cluster.clock.advance(20)
  expect(answers()).toBe(0)
})

test('who is near the newcomer and does not answer keeps it waiting for a second and no longer', async () => {
  const { cluster, carried, events } = overheard()
  await cluster.grow(12)
  const distances = (a: KadNode, b: KadNode) => compareDistances(stranger, a.id, b.id)
  const [nearest, , asked] = [...cluster.nodes].sort(distances)
  cluster.freeze(cluster.nodes.indexOf(nearest!))
  carried.splice(0)
  events.get(idToHex(asked!.id))!.onSignal(stranger, encodeEarlyQuestion(1))
  const answer = () => carried.find(({ own, bytes }) => equalIds(own, asked!.id) && isEarlyAnswer(bytes))
  await cluster.clock.advance(900)
  expect(answer()).toBeUndefined()
  await cluster.clock.advance(200)
  expect(decodeMessage(answer()!.bytes).message).toMatchObject({ type: 'nodes', nonce: 1 })
})

test('of two introducers the first answer is believed, though the other is asked later and brings none', async () => {
  let deaf: IntroducerEvents | undefined
  let sentDeaf = 0
  const deafIntroducer: Introducer = {
    name: 'deaf',
    open: (_identity, _network, heard) => {
      deaf = heard
      return {
        connect: () => {
          Promise.resolve().then(() => heard.onWelcome([]))
        },
        joined: () => undefined,
        close: () => undefined,
        send: (_to, bytes) => {
          if (isEarlyQuestion(bytes)) sentDeaf += 1
          return true
        },
      }
    },
  }
  const { cluster, carried, add } = overheard(undefined, [deafIntroducer])
  await cluster.grow(12)
  carried.splice(0)
  const { dialled, linked, started } = add()
  await cluster.clock.runUntil(() => carried.some(isEarly), { withinMs: 1_000 })
  deaf!.onWelcome(cluster.nodes.slice(0, 12).map(({ id }) => id))
  expect(sentDeaf).toBe(1)
  await cluster.run(started)
  // Of twelve three were named by each introducer, and are being dialled.
  expect(dialled.filter(({ atMs }) => atMs === linked.firstMs).length).toBeGreaterThanOrEqual(6)
})

test('a question that is cut short gets no answer and takes no place', async () => {
  const { cluster, carried, events } = overheard()
  await cluster.grow(3)
  const { onSignal } = events.get(idToHex(cluster.node(0).id))!
  for (let i = 0; i < 20; i++) onSignal(stranger, encodeEarlyQuestion(i).subarray(0, 5))
  await cluster.clock.advance(1_000)
  onSignal(stranger, encodeEarlyQuestion(1))
  await cluster.clock.advance(1_000)
  expect(
    carried.filter(({ other, bytes }) => equalIds(other, stranger) && isEarlyAnswer(bytes)),
  ).toHaveLength(1)
})
