import { asId, type Id, idBytes, idToHex } from '@kadrtc/kademlia'
import { SeededRandom } from '@kadrtc/simulator'
import { expect, test } from 'vitest'
import type { Handover } from '../src/replication/handover.js'
import { type LeftoverPorts, retireLeftovers } from '../src/replication/leftovers.js'
import { FakeLink, settingsWith, tableOf } from './fake-link.js'

test('each peer that is closer is asked about all that is left here, however much that is', () => {
  const random = new SeededRandom('leftovers')
  const idWith = (first: number) => asId(Uint8Array.of(first, ...random.bytes(idBytes - 1)))
  const settings = settingsWith({ k: 8 })
  const peers = Array.from({ length: 8 }, () => idWith(0))
  const links = tableOf(
    peers.map((id) => new FakeLink(id)),
    settings,
  )
  const held = Array.from({ length: 40_000 }, (_, i) => ({ slot: `${i}`, keyId: idWith(0) }))
  const visit = (_: unknown, each: (slot: string, keyId: Id) => void) => {
    for (const { slot, keyId } of held) each(slot, keyId)
  }
  const asked = new Map<string, number>()
  const handover = {
    compare: async ({ id }: { id: Id }, slots: string[]) => void asked.set(idToHex(id), slots.length),
  }
  const ports = { own: links.own, links, settings, shelf: { forEachHeld: visit } } as unknown as LeftoverPorts
  retireLeftovers(ports, handover as unknown as Handover)
  expect(asked).toEqual(new Map(peers.map((peer) => [idToHex(peer), held.length])))
})
