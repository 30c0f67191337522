/**
 * `npm start`: builds the page, then runs the introduction server and the page on localhost until it is asked to
 * stop. A port that is taken is no obstacle: the next free one is used, and the page is told.
 */
import { fileURLToPath } from 'node:url'
import { build, preview } from 'vite'
import { startIntroductions } from './introductions.js'
import { pageSettings } from './page-settings.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

await build({ root, logLevel: 'warn' })
const introductions = await startIntroductions()
const page = await preview({
  root,
  logLevel: 'warn',
  preview: { host: 'localhost' },
  plugins: [pageSettings({ server: introductions.url, network: 'kadrtc-demo' }, () => introductions.close())],
})

console.log(`
  demo page      ${page.resolvedUrls?.local[0]}
  introductions  ${introductions.url}

  Open the page in several tabs: each one is a node. Ctrl-C stops both.
`)

// Once each: a second signal ends the process at once, as the system does.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.exitCode = 0
    // Closes the introduction server too, by the plugin's last hook.
    page.close().catch((error: unknown) => {
      console.error(error)
      process.exitCode = 1
    })
  })
}
