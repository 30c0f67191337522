import { randomBytes } from 'node:crypto'
import type { Random } from '@kadrtc/wire/introduction-server'

export const testRandom: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) }
