/** Runs in every page before any script of its own: counts constructions, and prints what would go unnoticed. */
export function initPage(): void {
  window.connectionsConstructed = 0
  window.kept = {}
  if (typeof RTCPeerConnection === 'function') {
    window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
      construct(target, words, newTarget) {
        window.connectionsConstructed++
        return Reflect.construct(target, words, newTarget)
      },
    })
  }
  addEventListener('securitypolicyviolation', (violation) => {
    console.error(`policy violation: ${violation.violatedDirective} by ${violation.blockedURI}`)
  })
}
