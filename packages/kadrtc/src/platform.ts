/** The browser behind the ports `Clock` and `Random`, and what a page must offer for a node to run in it. */
import { type Clock, KadrtcError, type Random } from '@kadrtc/node'
import { systemClock } from '@kadrtc/webrtc'

/** In whole milliseconds. */
export function platformClock(): Clock {
  const clock = systemClock()
  return {
    now: () => Math.floor(clock.now()),
    wallMs: () => clock.wallMs(),
    setTimer: (delayMs, fire) => clock.setTimer(delayMs, fire),
  }
}

/** Random bytes are asked for a few at a time, and each call of the platform costs as much as many bytes. */
const poolBytes = 1024

export function platformRandom(): Random {
  const pool = new Uint8Array(poolBytes)
  let used = poolBytes
  return {
    bytes(length) {
      if (length > poolBytes) return crypto.getRandomValues(new Uint8Array(length))
      if (used + length > poolBytes) {
        crypto.getRandomValues(pool)
        used = 0
      }
      used += length
      return pool.slice(used - length, used)
    },
  }
}

/** Throws NO_SECURE_CONTEXT or NO_WEBRTC. */
export function requirePlatform(): void {
  if (globalThis.isSecureContext === false || !globalThis.crypto?.subtle)
    throw new KadrtcError('NO_SECURE_CONTEXT')
  if (typeof globalThis.RTCPeerConnection !== 'function') throw new KadrtcError('NO_WEBRTC')
}

/** Phones have less memory and a metered network. Only Chromium tells; others get the usual budget. */
export function isPhone(): boolean {
  const { userAgentData } = globalThis.navigator as Navigator & { userAgentData?: { mobile?: boolean } }
  return userAgentData?.mobile ?? false
}
