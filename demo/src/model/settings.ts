/** Which network, and which server introduces us: the address bar says, else the config.json beside the page. Pure. */
export interface DemoSettings {
  readonly server: string
  readonly network: string
}

/** What `npm start` uses when its port is free. */
const defaults: DemoSettings = { server: 'ws://localhost:8787', network: 'kadrtc-demo' }

/** `search` as in `location.search`; `served` is what config.json held, which may be anything. */
export function readSettings(search: string, served: unknown): DemoSettings {
  const query = new URLSearchParams(search)
  return {
    server: query.get('server') || textField(served, 'server') || defaults.server,
    network: query.get('network') || textField(served, 'network') || defaults.network,
  }
}

function textField(from: unknown, name: string): string | undefined {
  if (typeof from !== 'object' || from === null) return undefined
  const value = (from as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : undefined
}
