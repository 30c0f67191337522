/** Adds a file as content, and fetches content by its id. */
import type { KadrtcNode } from 'kadrtc'
import { fileKind } from '../model/file-kind.js'
import { formatBytes } from '../model/format.js'
import { copyButton } from '../view/copy-button.js'
import { element, part } from '../view/dom.js'
import { Outcome, type Success } from './outcome.js'
import { onSubmit, textOf } from './submit.js'
import type { Tell } from './values-form.js'

/** The protocol's limit for one value. */
const fileBytesMax = 64 * 1024
/** Of a text file, on the screen. */
const previewCharactersMax = 2_000

export class FilesForm {
  readonly #added = new Outcome(part('add-outcome', HTMLOutputElement))
  readonly #fetched = new Outcome(part('fetch-outcome', HTMLOutputElement))
  readonly #fetchForm = part('fetch-form', HTMLFormElement)
  /** The file on the screen, kept by the browser until it is let go. */
  #shownUrl: string | undefined

  /** `node` throws when there is none. */
  constructor(
    readonly node: () => KadrtcNode,
    readonly tell: Tell,
  ) {
    const addForm = part('add-form', HTMLFormElement)
    onSubmit(addForm, (fields) =>
      this.#added.run('Looking for the closest tabs…', () => this.#add(fields.get('file'))),
    )
    addForm.addEventListener('change', () => this.#added.clear())
    onSubmit(this.#fetchForm, (fields) =>
      this.#fetched.run('Asking the closest tabs…', () => this.#fetch(textOf(fields, 'content').trim())),
    )
  }

  async #add(file: FormDataEntryValue | null): Promise<Success> {
    if (!(file instanceof File)) throw new Error('Choose a file first.')
    if (file.size > fileBytesMax) {
      const message = `${file.name} has ${formatBytes(file.size)}; a value holds 64 KiB at most. Choose a smaller file.`
      throw Object.assign(new Error(message), { code: 'VALUE_TOO_LARGE' })
    }
    const contentId = await this.node().add(new Uint8Array(await file.arrayBuffer()))
    this.tell(`Added ${file.name}, ${formatBytes(file.size)}`)
    const field = this.#fetchForm.elements.namedItem('content')
    if (field instanceof HTMLInputElement) field.value = contentId
    const id = element('code', { class: 'whole-id', id: 'content-id' }, contentId)
    return {
      title: `Added ${formatBytes(file.size)}`,
      body: [
        element('p', { class: 'with-copy' }, id, copyButton(contentId)),
        element('p', { class: 'hint' }, 'Any tab can fetch it by this id, and proves by it what it got.'),
      ],
    }
  }

  async #fetch(contentId: string): Promise<Success> {
    const bytes = await this.node().fetch(contentId)
    if (this.#shownUrl !== undefined) URL.revokeObjectURL(this.#shownUrl)
    this.#shownUrl = undefined
    if (!bytes) return { title: 'Nobody holds this content', found: false }
    const kind = fileKind(bytes)
    // Never a type that the browser would run, were the address opened in a tab of its own.
    const mediaType = kind.type === 'image' ? kind.mediaType : 'application/octet-stream'
    const url = URL.createObjectURL(new Blob([Uint8Array.from(bytes)], { type: mediaType }))
    this.#shownUrl = url
    const name = `${contentId.slice(0, 8)}.${kind.extension}`
    const link = element('a', { class: 'button', href: url, download: name }, 'Download')
    return { title: `${formatBytes(bytes.length)}, proved`, body: [...preview(kind, url), link] }
  }
}

function preview(kind: ReturnType<typeof fileKind>, url: string): HTMLElement[] {
  switch (kind.type) {
    case 'image':
      return [element('img', { src: url, alt: 'The fetched picture', class: 'preview' })]
    case 'text': {
      const cut = kind.text.length > previewCharactersMax
      const text = cut ? `${kind.text.slice(0, previewCharactersMax)}…` : kind.text
      return [element('pre', { tabindex: '0', 'aria-label': 'The fetched text' }, text)]
    }
    case 'bytes':
      return []
  }
}
