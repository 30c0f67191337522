import { describe, expect, it } from 'vitest'
import { Heartbeat } from '../../src/introduction-server/heartbeat.js'

describe('a heartbeat', () => {
  it('pings once in an interval, and is dead if nothing was heard from one ping to the next', () => {
    const heartbeat = new Heartbeat(30_000, 3_000, 0)
    expect([heartbeat.due(29_999), heartbeat.due(30_000), heartbeat.due(59_999)]).toEqual([
      'nothing',
      'ping',
      'nothing',
    ])
    heartbeat.heard(59_999)
    expect([heartbeat.due(60_000), heartbeat.due(90_000)]).toEqual(['ping', 'dead'])
  })

  it('asks for a sign of life if none came lately, and once until one comes', () => {
    const heartbeat = new Heartbeat(30_000, 3_000, 0)
    expect([heartbeat.ask(2_999), heartbeat.ask(3_000), heartbeat.ask(20_000)]).toEqual([false, true, false])
    expect([heartbeat.isSilent(5_999), heartbeat.isSilent(6_000)]).toEqual([false, true])
    heartbeat.heard(20_000)
    expect(heartbeat.isSilent(20_000)).toBe(false)
    expect([heartbeat.ask(22_999), heartbeat.ask(23_000)]).toEqual([false, true])
  })

  it('is no sooner dead for having been asked in between', () => {
    const heartbeat = new Heartbeat(30_000, 3_000, 0)
    expect(heartbeat.ask(29_999)).toBe(true)
    expect([heartbeat.due(30_000), heartbeat.due(59_999), heartbeat.due(60_000)]).toEqual([
      'ping',
      'nothing',
      'dead',
    ])
  })

  it('takes an unanswered ping of its own for a question', () => {
    const heartbeat = new Heartbeat(30_000, 3_000, 0)
    heartbeat.due(30_000)
    expect([heartbeat.ask(31_000), heartbeat.isSilent(32_999), heartbeat.isSilent(33_000)]).toEqual([
      false,
      false,
      true,
    ])
  })
})
