import { defineConfig, type Plugin } from 'vite'

/**
 * Everything the page may do. It connects to whatever server it is told of, shows files it made itself (blob:), and
 * runs no script but its own; data never reaches a sink that could become markup.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/** Only for what is built: Vite's development client needs inline styles. */
const strictPolicy: Plugin = {
  name: 'strict-policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: contentSecurityPolicy },
      injectTo: 'head-prepend',
    },
  ],
}

export default defineConfig({
  // Relative addresses: the page works from any folder of any server.
  base: './',
  plugins: [strictPolicy],
  build: {
    outDir: 'dist/page',
    target: 'es2022',
    // Nothing becomes a data: address or an inline script; the policy allows neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { port: 5173 },
  preview: { port: 5173 },
})
