/**
 * What a visitor waits for: from the first line of the page's script, the module's loading included, until `createNode`
 * has resolved. The options come in the query, as JSON: /page/bench-join?options=…
 */
export {}

// Not awaited here: the page counts as loaded when this script has run, and is asked for the promise then.
window.kept.joined = join()

async function join(): Promise<number> {
  const startedAt = performance.now()
  const { createNode } = await import('/kadrtc.browser.js')
  window.node = await createNode(JSON.parse(new URL(location.href).searchParams.get('options')!))
  return performance.now() - startedAt
}
