/** What an app or its surroundings get wrong gives a typed error with a stable code, and harms nothing. */
import { randomUUID } from 'node:crypto'
import type { Page } from '@playwright/test'
import { addressOfNobody, SignalingServer } from '../site/signaling.js'
import { serverGone } from '../tabs/tabs.js'
import { engines, expect, test } from '../tabs/test.js'

for (const engine of engines) {
  test(`wrong arguments are refused by name in ${engine}, and nothing is lost`, async ({ tabs, network }) => {
    const tab = await tabs.open(engine)
    const other = await tabs.open('chromium')
    await tab.join({ ...network, allowAlone: true })
    await other.join(network)
    await tab.put('kept', 'before')

    const refusals = await tab.run(async () => {
      const { node } = window
      const loose = node as unknown as Record<string, (...words: unknown[]) => Promise<unknown>>
      const cyclic: Record<string, unknown> = {}
      cyclic.self = cyclic
      const attempts: Record<string, () => Promise<unknown>> = {
        'value too large': () => node.put('key', new Uint8Array(65_537)),
        'content too large': () => node.add(new Uint8Array(65_537)),
        'empty key': () => node.put('', 'value'),
        'get of an empty key': () => node.get(''),
        'key of a wrong type': () => loose.put!(7, 'value'),
        'value undefined': () => loose.put!('key', undefined),
        'value a function': () => loose.put!('key', () => 1),
        'value a bigint': () => loose.put!('key', 1n),
        'value a cycle': () => loose.put!('key', cyclic),
        'content a string': () => loose.add!('text'),
        'malformed content id': () => node.fetch('not base32 at all!'),
        'malformed peer id': () => node.connect('zz'),
        'connect to itself': () => node.connect(node.id),
        'options null': () => loose.get!('key', null),
        'signal of a wrong type': () => loose.get!('key', { signal: 'stop' }),
        'timeoutMs of a wrong type': () => loose.get!('key', { timeoutMs: 'soon' }),
        'author malformed': () => node.get('key', { author: 'nobody' }),
        'stale ifSeq': () => node.put('kept', 'overwritten', { ifSeq: 1 }),
        'signal aborted before': () => node.get('key', { signal: AbortSignal.abort() }),
        'signal aborted during': () => {
          const controller = new AbortController()
          const put = node.put('key', 'value', { signal: controller.signal })
          controller.abort()
          return put
        },
      }
      const outcomes: Record<string, string> = {}
      for (const [name, attempt] of Object.entries(attempts)) {
        outcomes[name] = await Promise.resolve()
          .then(attempt)
          .then(
            () => 'resolved',
            (error: Error & { code?: unknown }) => {
              return typeof error.code === 'string' && error.message.length > 20 ? error.code : error.name
            },
          )
      }
      return outcomes
    })

    expect(refusals).toEqual({
      'value too large': 'VALUE_TOO_LARGE',
      'content too large': 'VALUE_TOO_LARGE',
      'empty key': 'INVALID_ARGUMENT',
      'get of an empty key': 'INVALID_ARGUMENT',
      'key of a wrong type': 'INVALID_ARGUMENT',
      'value undefined': 'INVALID_ARGUMENT',
      'value a function': 'INVALID_ARGUMENT',
      'value a bigint': 'INVALID_ARGUMENT',
      'value a cycle': 'INVALID_ARGUMENT',
      'content a string': 'INVALID_ARGUMENT',
      'malformed content id': 'INVALID_ARGUMENT',
      'malformed peer id': 'INVALID_ARGUMENT',
      'connect to itself': 'INVALID_ARGUMENT',
      'options null': 'INVALID_ARGUMENT',
      'signal of a wrong type': 'INVALID_ARGUMENT',
      'timeoutMs of a wrong type': 'INVALID_ARGUMENT',
      'author malformed': 'INVALID_ARGUMENT',
      'stale ifSeq': 'CONFLICT',
      'signal aborted before': 'AbortError',
      'signal aborted during': 'AbortError',
    })
    expect(await other.get('kept')).toBe('before')
    expect(await tab.put('kept', 'after')).toMatchObject({ wanted: expect.any(Number) })
    expect(await other.get('kept')).toBe('after')
  })

  test(`a ${engine} node that is closed refuses every verb as CLOSED`, async ({ tabs, network }) => {
    const tab = await tabs.open(engine)
    await tab.join({ ...network, allowAlone: true })
    await tab.run(() => window.node.close())
    await tab.run(() => window.node.close())
    await expect(tab.put('key', 'value')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(tab.get('key')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(tab.run(() => window.node.connect('ab'.repeat(20)))).rejects.toMatchObject({
      code: 'CLOSED',
    })
  })

  test(`createNode in ${engine} says what is wrong with its options and surroundings`, async ({ tabs }) => {
    tabs.expectProblem(serverGone)
    const tab = await tabs.open(engine)
    const network = randomUUID()
    const unreachable = { network, bootstrap: [await addressOfNobody()], joinTimeoutMs: 1_000 }
    await expect(tab.join(unreachable)).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' })
    const invalid = { code: 'INVALID_ARGUMENT' }
    await expect(tab.join({ network: '' })).rejects.toMatchObject(invalid)
    await expect(tab.join({ network: 'x'.repeat(65) })).rejects.toMatchObject(invalid)
    await expect(tab.join({ network, bootstrap: ['http://not-a-websocket'] })).rejects.toMatchObject(invalid)
    await expect(tab.join({ network, k: 21 })).rejects.toMatchObject(invalid)
    await expect(tab.join({ network, misspelt: true } as { network: string })).rejects.toMatchObject(invalid)
    const aborted = tab.run((name) => {
      const signal = AbortSignal.abort()
      return window.kadrtc.createNode({ network: name, signal })
    }, network)
    await expect(aborted).rejects.toMatchObject({ kind: 'AbortError' })
    // A start that failed leaves nothing behind that the next one would trip over.
    await tab.join({ network, allowAlone: true, joinTimeoutMs: 500 })
  })

  test(`a server that does not serve the network says so in ${engine}`, async ({ tabs }) => {
    const server = await SignalingServer.start(['--network', 'served'])
    try {
      const tab = await tabs.open(engine)
      const elsewhere = { network: randomUUID(), bootstrap: [server.address] }
      await expect(tab.join(elsewhere)).rejects.toMatchObject({ code: 'WRONG_NETWORK' })
      await tab.join({ network: 'served', bootstrap: [server.address], allowAlone: true })
    } finally {
      await server.kill()
    }
  })

  test(`without WebRTC, or without a secure context, ${engine} gives a clear error`, async ({
    tabs,
    site,
  }) => {
    const context = await tabs.context(engine)
    const withoutWebRtc = await context.newPage()
    await withoutWebRtc.addInitScript(() => {
      Reflect.deleteProperty(window, 'RTCPeerConnection')
    })
    expect(await refusalIn(withoutWebRtc, `${site.origin}/`)).toBe('NO_WEBRTC')

    // An http origin that is not loopback, answered by the site.
    const insecure = await context.newPage()
    await insecure.route('http://insecure.test/**', async (route) => {
      const { pathname } = new URL(route.request().url())
      await route.fulfill({ response: await route.fetch({ url: `${site.origin}${pathname}` }) })
    })
    expect(await refusalIn(insecure, 'http://insecure.test/')).toBe('NO_SECURE_CONTEXT')
  })
}

/** The code that `createNode` rejects with in a page at `url`. */
async function refusalIn(page: Page, url: string): Promise<string> {
  await page.goto(url)
  return page.evaluate(() =>
    window.kadrtc.createNode({ network: 'anything' }).then(
      () => 'resolved',
      (error: { code: string }) => error.code,
    ),
  )
}
