import 'fake-indexeddb/auto'
import { set } from 'idb-keyval'
import { afterEach, expect, test, vi } from 'vitest'
import { loadCertificate } from '../src/certificate.js'
import { diskOf } from '../src/disk.js'

const dayMs = 24 * 60 * 60 * 1000
let databases = 0
const newName = () => `certificate:${databases++}`

/** Stands in for what only a browser can make; like the real one it can be stored, and says when it expires. */
function certificates(lifeMs = 30 * dayMs) {
  let made = 0
  const generate = async () => ({ expires: Date.now() + lifeMs, serial: ++made }) as unknown as RTCCertificate
  return { generate, made: () => made }
}

afterEach(() => {
  vi.unstubAllGlobals()
})

test('a certificate is made once and kept', async () => {
  const database = newName()
  const { generate, made } = certificates()
  const first = await loadCertificate({ database, generate })
  expect(await loadCertificate({ database, generate })).toEqual(first)
  expect(made()).toBe(1)
})

test('a certificate that expires within a day is replaced', async () => {
  for (const [lifeMs, expected] of [
    [dayMs - 1000, 2],
    [-1, 2],
    [dayMs + 60_000, 1],
  ] as const) {
    const database = newName()
    const { generate, made } = certificates(lifeMs)
    await loadCertificate({ database, generate })
    await loadCertificate({ database, generate })
    expect(made()).toBe(expected)
  }
})

test('what is no certificate is replaced', async () => {
  for (const junk of [null, 7, {}, { expires: 'never' }]) {
    const database = newName()
    await set('certificate', junk, diskOf(database))
    expect((await loadCertificate({ database, generate: certificates().generate })).expires).toBeGreaterThan(
      0,
    )
  }
})

test('a certificate that cannot be stored serves all the same', async () => {
  const database = newName()
  const generate = async () =>
    ({ expires: Date.now() + 30 * dayMs, uncloneable() {} }) as unknown as RTCCertificate
  expect((await loadCertificate({ database, generate })).expires).toBeGreaterThan(0)
  vi.stubGlobal('indexedDB', undefined)
  expect((await loadCertificate({ database, generate })).expires).toBeGreaterThan(0)
  expect((await loadCertificate({ database: undefined, generate })).expires).toBeGreaterThan(0)
})

test('without WebRTC it says NO_WEBRTC, and asks for a P-256 certificate of 30 days with it', async () => {
  await expect(loadCertificate({ database: newName() })).rejects.toMatchObject({ code: 'NO_WEBRTC' })
  const generateCertificate = vi.fn(certificates().generate)
  vi.stubGlobal('RTCPeerConnection', { generateCertificate })
  await loadCertificate({ database: newName() })
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', expires: 30 * dayMs }
  expect(generateCertificate).toHaveBeenCalledExactlyOnceWith(algorithm)
})
