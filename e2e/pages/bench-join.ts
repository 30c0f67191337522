/**
 * What a visitor waits for: from the first line of the page's script, the module's loading included, until `createNode`
 * has resolved. The options come in the query, as JSON: /page/bench-join?options=…
 */
export {}

const startedAt = performance.now()
const { createNode } = await import('/kadrtc.browser.js')
const options = JSON.parse(new URL(location.href).searchParams.get('options')!)
window.kept.joined = createNode(options).then((node) => {
  window.node = node
  return performance.now() - startedAt
})
