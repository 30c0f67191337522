import type { Plugin } from 'vite'

/** What the page asks for in config.json. */
export interface PageSettings {
  /** Address of the introduction server. */
  readonly server: string
  readonly network: string
}

/** Serves `settings` in place of the built config.json; `onClose` runs, and is awaited, when the page server ends. */
export function pageSettings(settings: PageSettings, onClose: () => Promise<void>): Plugin {
  return {
    name: 'page-settings',
    configurePreviewServer(server) {
      server.middlewares.use('/config.json', (_request, response) => {
        response.setHeader('content-type', 'application/json')
        response.setHeader('cache-control', 'no-store')
        response.end(JSON.stringify(settings))
      })
    },
    closePreviewServer: onClose,
  }
}
