/** The platform's cryptographic randomness. Tests pass their own. */
import { randomBytes } from 'node:crypto'
import type { Random } from '@kadrtc/wire/introduction-server'

export const systemRandom: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) }
