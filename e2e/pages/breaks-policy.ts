/** A page that does what a strict policy forbids, and reports whether it could. */
export {}

function couldDo(forbidden: () => void): boolean {
  try {
    forbidden()
    return true
  } catch {
    return false
  }
}

const evaluated = couldDo(() => new Function('return 1')())
const markedUp = couldDo(() => {
  document.body.innerHTML = '<b>markup</b>'
})
await fetch('/report/breaks-policy', { method: 'POST', body: JSON.stringify({ evaluated, markedUp }) })
