/**
 * The smallest app there is, as its author would write it: it joins, puts a value and gets the one that its peer put.
 * How it went is posted to the site, as nothing can be injected into a page with a strict policy.
 *
 * It is compiled, but not bundled, by this workspace; bundling it is what the scenario is about. The query says who it
 * is: /?network=…&bootstrap=…&me=…&peer=…
 */
import { createNode } from 'kadrtc'

async function putAndGet(query: URLSearchParams) {
  const given = (name: string) => query.get(name) ?? ''
  const node = await createNode({
    network: given('network'),
    bootstrap: [given('bootstrap')],
    broadcast: false,
  })
  // Whoever comes first is alone until the other one arrives.
  if (node.inspect().links.length === 0) await new Promise((resolve) => node.once('link', resolve))
  const { stored } = await node.put(given('me'), `hello from ${given('me')}`, { until: 'all' })
  await fetch('/have-put', { method: 'POST' })
  return { stored, heard: await node.get(given('peer')), links: node.inspect().links.length }
}

async function run() {
  const query = new URLSearchParams(location.search)
  const outcome = await putAndGet(query).catch((error: unknown) => ({ error: String(error) }))
  await fetch(`/report/${query.get('me')}`, { method: 'POST', body: JSON.stringify(outcome) })
}

void run()
