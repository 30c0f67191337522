import { natClasses, SeededRandom, StubIdentity } from '@kadrtc/simulator'
import { expect, test } from 'vitest'

const random = new SeededRandom('nat classes')
const ids = Array.from({ length: 400 }, () => StubIdentity.random(random).id)

function shareApart(canConnect: ReturnType<typeof natClasses>['canConnect']): number {
  let apart = 0
  for (const [at, a] of ids.entries()) for (const b of ids.slice(at + 1)) if (!canConnect(a, b)) apart++
  return apart / ((ids.length * (ids.length - 1)) / 2)
}

test.each([0, 0.02, 0.08, 0.3, 0.9, 1])('of all pairs %d of 1 can open no link', (unconnectable) => {
  expect(Math.abs(shareApart(natClasses(7, unconnectable).canConnect) - unconnectable)).toBeLessThan(0.03)
})

test('where nothing is said 8 of 100', () => {
  expect(shareApart(natClasses(7).canConnect)).toBe(shareApart(natClasses(7, 0.08).canConnect))
})

test('a symmetric NAT is kept apart from those that filter by port, whoever dials, and from no others', () => {
  const { classOf, canConnect } = natClasses(7)
  const seen = new Set<string>()
  for (const a of ids.slice(0, 100)) {
    for (const b of ids.slice(100, 200)) {
      const pair = [classOf(a), classOf(b)].sort().join(' and ')
      seen.add(pair)
      const isApart = pair === 'symmetric and symmetric' || pair === 'port-restricted and symmetric'
      expect(canConnect(a, b), pair).toBe(!isApart)
      expect(canConnect(b, a), pair).toBe(!isApart)
    }
  }
  expect(seen.size).toBe(6)
})

test('the same seed gives the same classes, another seed others', () => {
  const classes = (seed: number) => ids.map(natClasses(seed).classOf).join()
  expect(classes(7)).toBe(classes(7))
  expect(classes(7)).not.toBe(classes(8))
})
