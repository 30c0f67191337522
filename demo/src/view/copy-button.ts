import { element } from './dom.js'

/** How long "Copied" stands. */
const confirmedMs = 1_600

/** Makes `button` copy what `text` returns at that moment, and say for a moment that it did. */
export function copyOnClick(button: HTMLButtonElement, text: () => string): void {
  const label = button.textContent ?? 'Copy'
  let back: ReturnType<typeof setTimeout> | undefined
  button.addEventListener('click', async () => {
    button.textContent = (await copied(text())) ? 'Copied' : 'Not allowed'
    clearTimeout(back)
    back = setTimeout(() => {
      button.textContent = label
    }, confirmedMs)
  })
}

export function copyButton(text: string): HTMLButtonElement {
  const button = element('button', { type: 'button', class: 'quiet' }, 'Copy')
  copyOnClick(button, () => text)
  return button
}

/** False where the browser has no clipboard for this page, or the person refused. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
