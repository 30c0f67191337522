import { constantLatency, latencyPlane, SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { describe, expect, test } from 'vitest'

describe('latency models', () => {
  test('a plane has the median round trip it was asked for, alike in both directions', () => {
    const random = new SeededRandom('plane')
    const latencyMs = latencyPlane(random, { medianRttMs: 80 })
    const ids = Array.from({ length: 300 }, () => StubIdentity.random(random).id)
    const rtts = ids
      .flatMap((a, i) => ids.slice(0, i).map((b) => latencyMs(a, b) + latencyMs(b, a)))
      .sort((a, b) => a - b)
    expect(rtts[rtts.length >> 1]).toBeGreaterThan(74)
    expect(rtts[rtts.length >> 1]).toBeLessThan(86)
    expect(rtts[0]).toBeGreaterThanOrEqual(4)
    expect(latencyMs(ids[0]!, ids[1]!)).toBe(latencyMs(ids[1]!, ids[0]!))
  })

  test('the same seed places a node at the same spot, and jitter only adds', () => {
    const random = new SeededRandom('jitter')
    const [a, b] = [StubIdentity.random(random).id, StubIdentity.random(random).id]
    const steady = latencyPlane(random)(a, b)
    expect(latencyPlane(random)(a, b)).toBe(steady)
    const shaky = latencyPlane(random, { jitter: 0.1 })
    const delays = Array.from({ length: 50 }, () => shaky(a, b))
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(steady)
    expect(new Set(delays).size).toBe(50)
  })

  test('a constant is a constant', () => {
    const { id } = StubIdentity.random(new SeededRandom(1))
    expect(constantLatency(12)(id, id)).toBe(12)
  })
})
