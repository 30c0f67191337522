/** The node's own lookup verb, beside the true k closest of a whole network. */
import { compareDistances, type Id, idToHex, keyIdOf } from '@kadrtc/kademlia'
import { expect, test } from 'vitest'
import { swarm } from './swarm.js'

test('closest names the true k closest, the asker included where it is one of them', async () => {
  const k = 4
  const cluster = swarm({ settings: { k } })
  await cluster.grow(20)
  await cluster.clock.advance(60_000)
  const ids = cluster.nodes.map(({ id }) => id)
  const trueClosest = (target: Id) => [...ids].sort((a, b) => compareDistances(target, a, b)).slice(0, k)
  for (const [index, node] of cluster.nodes.entries()) {
    for (const target of [keyIdOf(`${index}`), node.id]) {
      const found = await cluster.run(node.closest(target))
      expect(found.map(idToHex)).toEqual(trueClosest(target).map(idToHex))
    }
  }
})

test('closest of a node that is alone is that node; of one that has closed there is none', async () => {
  const cluster = swarm({ allowAlone: true })
  await cluster.grow(1)
  const node = cluster.node(0)
  expect(await cluster.run(node.closest(keyIdOf('anything')))).toEqual([node.id])
  await cluster.leave(0)
  await expect(node.closest(keyIdOf('anything'))).rejects.toMatchObject({ code: 'CLOSED' })
})
