import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as kademlia from '../src/index.js'
import { type Contact, closestByForce } from './ids.js'

test('the example in the README runs, and finds the peers nearest to the key', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```js\n(.*?)```/s.exec(readme)![1]!
  const [statement, names] = /^import (\{.*\}) from '@kadrtc\/kademlia'$/m.exec(example)!

  const key = (byte: number) => new Uint8Array(32).fill(byte)
  const linkedPeers = Array.from({ length: 50 }, (_, i): Contact => ({ id: kademlia.nodeIdOf(key(i + 1)) }))
  const unanswered: Contact[] = []
  let lookup: kademlia.Lookup<Contact>
  class WatchedLookup extends kademlia.Lookup<Contact> {
    constructor(options: kademlia.LookupOptions<Contact>) {
      super(options)
      lookup = this
    }
  }
  const world = {
    kademlia: { ...kademlia, Lookup: WatchedLookup },
    publicKey: key(0),
    linkedPeers,
    now: () => 0,
    ask: (contact: Contact) => unanswered.push(contact),
    somethingHappenedOr: async () => {
      for (const { id } of unanswered.splice(0)) lookup.onReply(id, [], 0)
    },
  }
  const body = example.replace(statement, `const ${names} = kademlia`)
  const run = new Function(...Object.keys(world), `return (async () => { ${body}; return nearest })()`)
  const nearest = await run(...Object.values(world))
  expect(nearest).toEqual(closestByForce(linkedPeers, kademlia.keyIdOf('greeting'), 20))
})
