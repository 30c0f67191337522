import { type Id, idFromBytes } from '@kadrtc/kademlia'
import { describe, expect, it } from 'vitest'
import { defaultLimits, type Limits } from '../../src/introduction-server/limits.js'
import { type Member, NetworkRoom } from '../../src/introduction-server/network-room.js'
import { testRandom } from './test-random.js'

/** A member that writes down what happens to it, and does nothing about it. */
class TestMember implements Member {
  readonly id: Id
  readonly heard: string[] = []
  silent = false

  constructor(bits: number) {
    this.id = idFromBytes(Uint8Array.of(bits, ...new Uint8Array(19)))
  }

  deliver(from: Id, signal: Uint8Array): void {
    this.heard.push(`signal ${signal[0]} from ${from[0]}`)
  }
  introduced(): void {
    this.heard.push('introduced')
  }
  isSilent(): boolean {
    return this.silent
  }
  retire(): void {
    this.heard.push('retired')
  }
  supersede(): void {
    this.heard.push('superseded')
  }
}

function roomOf(limits: Partial<Limits>, ...members: Member[]): NetworkRoom {
  const room = new NetworkRoom('test', { ...defaultLimits, ...limits }, testRandom)
  for (const member of members) room.enter(member)
  return room
}

const firstBytes = (ids: readonly Id[]) => ids.map((id) => id[0]!).sort((a, b) => a - b)

describe('a room', () => {
  it('tells a newcomer of others, nearest first, and never of itself', () => {
    const [a, b, c] = [new TestMember(1), new TestMember(2), new TestMember(3)]
    const room = roomOf({}, a, b, c)
    expect(room.introduce(c).map((id) => id[0])).toEqual([2, 1])
    expect([a.heard, b.heard, c.heard]).toEqual([['introduced'], ['introduced'], []])
  })

  it('tells of the latest newcomers only, of as many as it may', () => {
    const members = [1, 2, 3, 4, 5].map((bits) => new TestMember(bits))
    const room = roomOf({ newcomersMax: 3 }, ...members)
    const other = new TestMember(9)
    expect(firstBytes(room.introduce(other))).toEqual([3, 4, 5])
  })

  it('tells of who owes a sign of life only if nobody else is there', () => {
    const [near, far, newcomer] = [new TestMember(1), new TestMember(9), new TestMember(2)]
    const room = roomOf({}, near, far, newcomer)
    room.joined(near, 0)
    near.silent = true
    expect(firstBytes(room.introduce(newcomer))).toEqual([9])
    far.silent = true
    expect(firstBytes(room.introduce(newcomer))).toEqual([1, 9])
  })

  it('takes an earlier connection of the same node out of everything, greeting included', () => {
    const [old, fresh, other] = [new TestMember(1), new TestMember(1), new TestMember(2)]
    const room = roomOf({}, old, other)
    room.joined(old, 0)
    room.enter(fresh)
    expect(old.heard).toEqual(['superseded'])
    expect([room.size, room.greeters]).toEqual([2, 0])
    expect(firstBytes(room.introduce(other))).toEqual([1])
    room.leave(old)
    expect(room.size).toBe(2)
    expect(room.relay(other.id, old.id, Uint8Array.of(7))).toBe(true)
    expect(fresh.heard).toEqual(['introduced', 'signal 7 from 2'])
  })

  it('still carries signals to who has been withdrawn, and tells nobody of it', () => {
    const [leaving, other] = [new TestMember(1), new TestMember(2)]
    const room = roomOf({}, leaving, other)
    room.withdraw(leaving)
    expect(room.introduce(other)).toEqual([])
    expect(room.relay(other.id, leaving.id, Uint8Array.of(7))).toBe(true)
    room.leave(leaving)
    expect(room.relay(other.id, leaving.id, Uint8Array.of(7))).toBe(false)
  })

  it('retires a greeter that has served its time for the next who joins', () => {
    const [old, next] = [new TestMember(1), new TestMember(2)]
    const room = roomOf({ greetersMax: 1, greeterAgeMaxMs: 1_000 }, old, next)
    expect(room.joined(old, 0)).toBe(true)
    expect(room.joined(next, 1_000)).toBe(true)
    expect(old.heard).toEqual(['retired'])
    expect([room.size, room.greeters]).toEqual([2, 1])
  })
})
