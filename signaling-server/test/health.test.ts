import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSignalingServer, type SignalingServer } from '../src/index.js'
import { ManualClock } from './manual-clock.js'
import { TestClient } from './test-client.js'

const clock = new ManualClock()
let server: SignalingServer
let origin: string

beforeEach(async () => {
  server = await createSignalingServer({ port: 0, clock })
  origin = server.url.replace('ws:', 'http:')
})

afterEach(() => server.close())

describe('plain HTTP', () => {
  it('tells how the server is doing, to any page', async () => {
    await new TestClient(server).promoted('a')
    await new TestClient(server).welcomed('b')
    clock.advance(5_500)
    const response = await fetch(`${origin}/health?x=1`)
    expect(response.status).toBe(200)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('content-type')).toBe('application/json')
    const version = expect.stringMatching(/^\d+\.\d+\.\d+$/)
    expect(await response.json()).toEqual({
      status: 'ok',
      version,
      networks: 2,
      clients: 2,
      greeters: 1,
      uptimeSeconds: 5,
    })
  })

  it('answers HEAD with no body', async () => {
    const response = await fetch(`${origin}/health`, { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
  })

  it('is 404 elsewhere and 405 for what is no reading', async () => {
    for (const path of ['/', '/healthy', '/health/']) expect((await fetch(origin + path)).status).toBe(404)
    const response = await fetch(`${origin}/health`, { method: 'POST', body: 'x'.repeat(100_000) })
    expect(response.status).toBe(405)
  })
})
