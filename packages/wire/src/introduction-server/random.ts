/** Randomness, as the rules ask for it: nonces, and choices among greeters. */
export interface Random {
  /** `length` fresh bytes; those of a nonce must not be guessable. */
  bytes(length: number): Uint8Array
}

/** A whole number in [0, bound). The bias of a 32-bit draw is far below what a choice among dozens shows. */
export function randomIndex(random: Random, bound: number): number {
  const [a, b, c, d] = random.bytes(4)
  const fraction = (a! * 2 ** 24 + b! * 2 ** 16 + c! * 2 ** 8 + d!) / 2 ** 32
  return Math.floor(fraction * bound)
}
