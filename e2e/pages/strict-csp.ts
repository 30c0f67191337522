/**
 * Runs every verb in a page whose policy forbids eval and unchecked markup: two nodes in one page, since everything a
 * node does has to hold. What happened is posted to the site, as nothing can be injected into such a page.
 *
 * The network's name and the server's address come in the query: /page/strict-csp?network=…&bootstrap=…
 */
import { type CreateNodeOptions, createNode, type Value } from '/kadrtc.browser.js'

async function runEverything(options: CreateNodeOptions) {
  const [a, b] = [await createNode({ ...options, allowAlone: true }), await createNode(options)]
  b.on('channel', (channel) => channel.on('message', (value) => channel.send(value)))
  await a.put('text', 'hello')
  await a.put('json', { list: [1, 2] })
  await a.put('deleted', 'soon gone')
  await a.delete('deleted')
  const contentId = await a.add(new Uint8Array(65_536).fill(7))
  const channel = await a.connect(b.id)
  const echo = new Promise<Value>((resolve) => channel.on('message', resolve))
  channel.send('over the channel')
  const outcome = {
    text: await b.get('text'),
    json: await b.get('json'),
    deleted: (await b.get('deleted')) ?? null,
    authors: (await b.getAll('text')).length,
    contentBytes: (await b.fetch(contentId))?.length,
    echo: await echo,
    links: a.inspect().links.length,
  }
  await Promise.all([a.close(), b.close()])
  return outcome
}

const query = new URL(location.href).searchParams
const options = { network: query.get('network')!, bootstrap: [query.get('bootstrap')!] }
const report = await runEverything(options).catch((error: unknown) => ({ error: String(error) }))
await fetch('/report/strict-csp', { method: 'POST', body: JSON.stringify(report) })
