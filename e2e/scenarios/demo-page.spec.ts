/** The demo as `npm start` serves it: two browsers are two nodes, and a person sees what happens. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { expect, test } from '../tabs/test.js'

const startProgram = fileURLToPath(new URL('../../demo/dist/server/start.js', import.meta.url))

test('what one person puts in chromium, another gets in firefox', async ({ tabs }) => {
  const { child, pageAddress } = await startDemo()
  try {
    const problems: string[] = []
    const [writer, reader] = [
      await (await tabs.context('chromium')).newPage(),
      await (await tabs.context('firefox')).newPage(),
    ]
    for (const page of [writer, reader]) {
      page.on('pageerror', (error) => problems.push(String(error)))
      await page.goto(pageAddress)
    }
    for (const page of [writer, reader])
      await expect(page.locator('#status')).toHaveAttribute('data-state', 'joined')

    await submit(writer, '#put-form', { key: 'greeting', value: 'hello from chromium' }, 'Put')
    await expect(writer.locator('#put-outcome')).toHaveAttribute('data-kind', 'success')
    await submit(reader, '#get-form', { key: 'greeting' }, 'Get')
    await expect(reader.locator('#get-outcome')).toContainText('hello from chromium')
    for (const width of [360, 1440]) {
      await writer.setViewportSize({ width, height: 900 })
      const overflow = await writer.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      expect(overflow, `horizontal scroll at ${width} px`).toBeLessThanOrEqual(0)
    }
    expect(problems).toEqual([])
  } finally {
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
  }
})

async function submit(
  page: Page,
  form: string,
  fields: Record<string, string>,
  button: string,
): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.locator(`${form} [name=${name}]`).fill(value)
  await page.locator(form).getByRole('button', { name: button, exact: true }).click()
}

/** Resolves when it has printed both addresses. */
async function startDemo(): Promise<{ child: ChildProcess; pageAddress: string }> {
  const child = spawn(process.execPath, [startProgram], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  for await (const chunk of child.stdout!) {
    printed += String(chunk)
    const pageAddress = /demo page\s+(http:\S+)/.exec(printed)?.[1]
    if (pageAddress && /introductions\s+ws:\S+/.test(printed)) return { child, pageAddress }
  }
  throw new Error(`the demo did not start: ${printed}`)
}
