/** A page that allows neither eval nor unchecked markup runs it all with no violation. */
import { Site } from '../site/site.js'
import { engines, expect, test } from '../tabs/test.js'

const csp = "script-src 'self'; require-trusted-types-for 'script'"

for (const engine of engines) {
  test(`everything runs under a strict policy in ${engine}`, async ({ tabs, network, server }) => {
    const strict = await Site.start({ csp })
    try {
      const query = new URLSearchParams({ network: network.network, bootstrap: server.address })
      await tabs.open(engine, `${strict.origin}/page/strict-csp?${query}`)
      expect(await strict.report('strict-csp')).toEqual({
        text: 'hello',
        json: { list: [1, 2] },
        deleted: null,
        authors: 1,
        contentBytes: 65_536,
        echo: 'over the channel',
        links: 1,
      })
      expect(strict.cspViolations).toEqual([])
    } finally {
      await strict.close()
    }
  })
}
