/** Takes a form over from the browser. While `act` runs, submitting again does nothing: no verb is sent twice. */
export function onSubmit(
  form: HTMLFormElement,
  act: (fields: FormData, verb: string) => Promise<unknown>,
): void {
  let underWay = false
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (underWay) return
    const verb = event.submitter instanceof HTMLButtonElement ? event.submitter.value : ''
    underWay = true
    form.setAttribute('aria-busy', 'true')
    try {
      await act(new FormData(form), verb)
    } finally {
      underWay = false
      form.removeAttribute('aria-busy')
    }
  })
}

/** A text field of a form. */
export function textOf(fields: FormData, name: string): string {
  const value = fields.get(name)
  return typeof value === 'string' ? value : ''
}
