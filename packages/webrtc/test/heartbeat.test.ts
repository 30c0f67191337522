import { describe, expect, test } from 'vitest'
import { Heartbeat, heartbeatDefaults } from '../src/heartbeat.js'
import { ManualClock } from './manual-clock.js'

function setUp() {
  const clock = new ManualClock()
  const pings: number[] = []
  let lost = 0
  const heartbeat = new Heartbeat(clock, heartbeatDefaults, {
    sendPing: (token) => void pings.push(token),
    lost: () => lost++,
  })
  heartbeat.start()
  return { clock, pings, heartbeat, lost: () => lost }
}

/** Answers the latest ping after `rttMs`. */
function answer({ clock, pings, heartbeat }: ReturnType<typeof setUp>, rttMs: number): void {
  clock.pass(rttMs)
  heartbeat.heard()
  heartbeat.pong(pings.at(-1)!)
}

describe('heartbeat', () => {
  test('a link is pinged three times in a row when it opens; the least round trip counts', () => {
    const t = setUp()
    expect(t.pings).toHaveLength(1)
    expect(t.heartbeat.rttMs).toBeUndefined()
    answer(t, 90)
    expect(t.heartbeat.rttMs).toBe(90)
    answer(t, 40)
    answer(t, 60)
    expect(t.heartbeat.rttMs).toBe(40)
    expect(t.pings).toHaveLength(3)
  })

  test('later round-trip times are smoothed as in RFC 6298', () => {
    const t = setUp()
    for (let i = 0; i < 3; i++) answer(t, 40)
    t.heartbeat.probe()
    answer(t, 80)
    expect(t.heartbeat.rttMs).toBe(45)
  })

  test('an answer that comes twice, or to a question never asked, is no sample', () => {
    const t = setUp()
    answer(t, 40)
    t.clock.pass(1)
    t.heartbeat.pong(t.pings[0]!)
    t.heartbeat.pong(77)
    expect(t.heartbeat.rttMs).toBe(40)
    expect(t.pings).toHaveLength(2)
  })

  test('a silent peer is lost within four seconds of a probe', () => {
    const t = setUp()
    answer(t, 10)
    t.heartbeat.probe()
    t.clock.pass(3_400)
    expect(t.lost()).toBe(0)
    t.clock.pass(600)
    expect(t.lost()).toBe(1)
    expect(t.pings).toHaveLength(2 + 3)
    expect(t.clock.pendingTimers).toBe(0)
  })

  test('any traffic ends a probe', () => {
    const t = setUp()
    answer(t, 10)
    t.heartbeat.probe()
    t.clock.pass(2_000)
    t.heartbeat.heard()
    t.clock.pass(5_000)
    expect(t.lost()).toBe(0)
  })

  test('probing while a probe is under way does not start it anew', () => {
    const t = setUp()
    answer(t, 10)
    for (let i = 0; i < 5; i++) {
      t.heartbeat.probe()
      t.clock.pass(1_000)
    }
    expect(t.lost()).toBe(1)
  })

  test('a link with traffic is never probed, but its round-trip time is kept fresh', () => {
    const t = setUp()
    answer(t, 10)
    for (let s = 0; s < 600; s++) {
      t.clock.pass(1_000)
      t.heartbeat.heard()
      t.heartbeat.pong(t.pings.at(-1)!)
    }
    expect(t.lost()).toBe(0)
    expect(t.pings.length).toBeLessThan(20)
    expect(t.pings.length).toBeGreaterThan(5)
  })

  test('a link that falls silent is found out', () => {
    const t = setUp()
    answer(t, 10)
    t.clock.pass(heartbeatDefaults.idleMs * 2 + 4_000)
    expect(t.lost()).toBe(1)
  })

  test('a timer that is a minute late does not kill the link, if the answer comes after it', () => {
    const t = setUp()
    answer(t, 10)
    t.heartbeat.probe()
    for (let i = 0; i < 4; i++) {
      t.clock.stall(60_000)
      expect(t.lost()).toBe(0)
    }
    t.heartbeat.heard()
    t.clock.stall(60_000)
    expect(t.lost()).toBe(0)
  })

  test('with all timers late a dead peer is lost in the end', () => {
    const t = setUp()
    t.heartbeat.probe()
    for (let i = 0; i < 6; i++) t.clock.stall(60_000)
    expect(t.lost()).toBe(1)
  })

  test('after a stop nothing is left running', () => {
    const t = setUp()
    t.heartbeat.stop()
    expect(t.clock.pendingTimers).toBe(0)
    t.heartbeat.probe()
    expect(t.clock.pendingTimers).toBe(0)
  })
})
