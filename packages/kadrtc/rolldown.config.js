import { defineConfig } from 'rolldown'

/** One self-contained file for pages with no bundler, as a module and as a plain script. */
export default defineConfig([
  {
    input: 'dist/index.js',
    output: { file: 'dist/kadrtc.browser.js', format: 'esm', minify: true, codeSplitting: false },
    platform: 'browser',
  },
  {
    input: 'dist/index.js',
    output: {
      file: 'dist/kadrtc.global.js',
      format: 'iife',
      name: 'kadrtc',
      minify: true,
      codeSplitting: false,
    },
    platform: 'browser',
  },
])
