import { expect, test } from 'vitest'
import { type Progress, ProgressBar, progressLine } from '../command/progress-bar.js'

const half: Progress = {
  phase: 'growing',
  crowd: { joined: 50, nodes: 100 },
  virtualMs: 61_000,
  done: 0.5,
}

function terminal(isTTY: boolean, columns = 200) {
  const written: string[] = []
  return { isTTY, columns, written, write: (text: string) => written.push(text) }
}

test('the line tells how many have joined, the virtual time and the speed', () => {
  expect(progressLine(half, 2_000)).toBe('growing ██████████░░░░░░░░░░ 50/100 joined, 1:01 virtual, 31x')
  expect(progressLine({ ...half, done: 1 }, 40_000)).toContain(
    '████████████████████ 50/100 joined, 1:01 virtual, 1.5x',
  )
})

test('where it is not known who has joined it says nothing of it', () => {
  expect(progressLine({ phase: 'soaking', virtualMs: 61_000, done: 0.5 }, 2_000)).toBe(
    'soaking ██████████░░░░░░░░░░ 1:01 virtual, 31x',
  )
})

test('it is drawn over itself, ten times a second at most, and cleared', () => {
  let nowMs = 0
  const screen = terminal(true)
  const bar = new ProgressBar(screen, () => nowMs)
  let asked = 0
  const progress = () => {
    asked++
    return half
  }
  for (; nowMs < 1_000; nowMs += 10) bar.update(progress)
  expect(asked).toBe(10)
  expect(screen.written.every((text) => text.startsWith('\r\x1b[2K') && !text.includes('\n'))).toBe(true)
  bar.clear()
  expect(screen.written.at(-1)).toBe('\r\x1b[2K')
  bar.clear()
  expect(screen.written).toHaveLength(11)
})

test('it never fills a line, which would wrap', () => {
  const screen = terminal(true, 30)
  new ProgressBar(screen, () => 0).update(() => half)
  expect(screen.written[0]!.replace('\r\x1b[2K', '')).toHaveLength(29)
})

test('nothing is written where no terminal is', () => {
  const screen = terminal(false)
  const bar = new ProgressBar(screen, () => 0)
  bar.update(() => {
    throw new Error('nobody looks')
  })
  bar.clear()
  expect(screen.written).toEqual([])
})
