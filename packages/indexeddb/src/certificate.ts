/**
 * The DTLS certificate that all connections of a tab share. Made once and kept: a new one for each connection
 * costs time at set-up (11 ms instead of 35 at p99).
 *
 *     const certificate = await loadCertificate({ database: slot.database('identity') })
 *     new RTCPeerConnection({ certificates: [certificate] })
 *
 * It proves nothing by itself: offers and answers are signed over its fingerprint by the node's identity.
 */
import { KadrtcError } from '@kadrtc/node'
import { get, set } from 'idb-keyval'
import { closeDisk, type Disk, diskOf, openDisk } from './disk.js'

/** Where the certificate lies in its database. */
const place = 'certificate'

const dayMs = 24 * 60 * 60 * 1000
/** As long as browsers give by default (W3C WebRTC, section 4.9.1). */
const lifeMs = 30 * dayMs
/** A certificate this near its end is replaced, so that none expires in a tab that stays open for a day. */
const renewalMs = dayMs

export interface CertificateOptions {
  /** The database's name; undefined keeps the certificate in memory. */
  readonly database: string | undefined
  /** What to use in place of the platform's IndexedDB. */
  readonly disk?: Disk
  /** What to use in place of RTCPeerConnection.generateCertificate. */
  readonly generate?: () => Promise<RTCCertificate>
}

/** Rejects with NO_WEBRTC where there is none. A certificate that cannot be stored serves all the same. */
export async function loadCertificate(options: CertificateOptions): Promise<RTCCertificate> {
  const { database, generate = generateCertificate } = options
  const disk = options.disk ?? (database === undefined ? undefined : diskOf(database))
  if (!disk) return generate()
  try {
    await openDisk(disk)
  } catch {
    return generate()
  }
  try {
    const stored = asCertificate(await get(place, disk).catch(() => undefined))
    if (stored && stored.expires - Date.now() > renewalMs) return stored
    const fresh = await generate()
    // Some browsers cannot store one; then each page makes its own.
    await set(place, fresh, disk).catch(() => undefined)
    return fresh
  } finally {
    await closeDisk(disk)
  }
}

async function generateCertificate(): Promise<RTCCertificate> {
  if (typeof RTCPeerConnection === 'undefined') throw new KadrtcError('NO_WEBRTC')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', expires: lifeMs }
  return RTCPeerConnection.generateCertificate(algorithm)
}

/** The database is the origin's, so anything may be in it. */
function asCertificate(value: unknown): RTCCertificate | undefined {
  return typeof value === 'object' && value !== null && typeof (value as RTCCertificate).expires === 'number'
    ? (value as RTCCertificate)
    : undefined
}
