/** Randomness comes in through here, so that a seed replays a whole network. */
export interface Random {
  /** `length` fresh bytes; cryptographically strong outside the simulator. */
  bytes(length: number): Uint8Array
}

/** A fraction in [0, 1) with 32 random bits. */
export function randomFraction(random: Random): number {
  const [a, b, c, d] = random.bytes(4)
  return (a! * 2 ** 24 + b! * 2 ** 16 + c! * 2 ** 8 + d!) / 2 ** 32
}
