import { defineConfig } from '@playwright/test'

/**
 * Scenarios run one after the other: each starts a dozen tabs, and timings are part of what is shown. A scenario
 * that fails has failed: nothing is tried again.
 */
export default defineConfig({
  testDir: 'scenarios',
  outputDir: 'results/artifacts',
  globalSetup: './browsers/install.ts',
  fullyParallel: false,
  workers: 1,
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['json', { outputFile: 'results/e2e.json' }]],
})
