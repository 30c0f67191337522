import type { VirtualClock } from '@kadrtc/simulator'

/** Begins `count` acts, evenly over `spanMs` of virtual time from now on. The promise is of the ends of all of them. */
export function spread(
  clock: VirtualClock,
  count: number,
  spanMs: number,
  act: (i: number) => Promise<unknown>,
): Promise<unknown> {
  const begin = (i: number) =>
    new Promise<unknown>((resolve) => {
      clock.setTimer(((i + 0.5) * spanMs) / count, () => resolve(act(i)))
    })
  return Promise.all(Array.from({ length: count }, (_, i) => begin(i)))
}
