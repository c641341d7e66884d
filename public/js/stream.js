import { el, say } from './page.js'

/** A short gap is filled before anyone notices it. */
const QUIET_MS = 2_000
const BACK_MS = 1_500
let noting

function show(sentence) {
  const note = el('reconnect')
  if (note && note.textContent !== sentence) note.textContent = sentence
}

/** Says when the page is not live, and that nothing typed is lost by it. */
export function keepStream() {
  document.addEventListener('htmx:sse:after:connection', () => {
    clearTimeout(noting)
    noting = undefined
    show('')
  })
  for (const name of ['htmx:sse:error', 'htmx:sse:close']) {
    document.addEventListener(name, (event) => {
      if (['removed', 'cleanup'].includes(event.detail.reason)) return
      noting ??= setTimeout(() => show('Reconnecting… what you type is safe.'), QUIET_MS)
    })
  }
  document.addEventListener('htmx:error', (event) => {
    const source = event.detail.ctx?.sourceElement?.id
    if (event.detail.ctx && source !== 'live' && source !== 'composer')
      say('No answer from the server. Nothing was changed; try again.')
  })
  // The server ends a stream when it restarts and when its person signed out: coming back tells which.
  document.addEventListener('bye', () => setTimeout(comeBack, BACK_MS))
  document.addEventListener('htmx:response:error', (event) => {
    const { sourceElement, response } = event.detail.ctx
    if (sourceElement.id !== 'live' || response.status !== 401) return
    const next = encodeURIComponent(location.pathname + location.search)
    say('You are signed out. What you typed is kept on this device.', `/login?next=${next}`)
  })
}

const comeBack = () => el('live')?.dispatchEvent(new Event('every'))
