import { el, say } from './page.js'
import { clearFile, hasFile, isUploading } from './attach.js'
import { forgetDraft } from './drafts.js'
import { toEnd } from './thread.js'

/** WhatsApp's limit; the count shows when it comes near. */
const MAX = 4_096
const NEAR = 3_500
let sent = ''

const isTouch = () => matchMedia('(pointer: coarse)').matches
const isWriting = (event) => event.target.id === 'text'

/** Enter sends where there is a keyboard, the box grows with its text, and a failed send keeps the text. */
export function keepComposer() {
  document.addEventListener('keydown', (event) => {
    if (!isWriting(event) || event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    if (isTouch() && !event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    if (event.repeat) return
    send()
  })
  document.addEventListener('submit', guard, { capture: true })
  document.addEventListener('input', (event) => {
    if (!isWriting(event)) return
    grow(event.target)
    el('composer-error').replaceChildren()
  })
  document.addEventListener('htmx:after:request', (event) => finish(event.detail.ctx))
  document.addEventListener('htmx:error', (event) => fail(event.detail.ctx))
  document.addEventListener('htmx:after:swap', () => el('text') && grow(el('text')))
}

function send() {
  const button = el('send')
  if (button && !button.disabled) el('composer').requestSubmit(button)
}

/** One at a time, and nothing empty. */
function guard(event) {
  const form = event.target
  if (form.id !== 'composer') return
  const isEmpty = el('text').value.trim() === '' && !hasFile()
  if (isEmpty || isUploading() || form.dataset.busy || form.dataset.window === 'closed') {
    event.preventDefault()
    event.stopImmediatePropagation()
    return
  }
  if (!window.htmx) return
  form.dataset.busy = 'yes'
  sent = el('text').value
}

const isReply = (ctx) => ctx?.sourceElement?.id === 'composer'

function finish(ctx) {
  if (!isReply(ctx)) return
  delete el('composer')?.dataset.busy
  if (ctx.response.status !== 201) return
  el('alert').replaceChildren()
  const box = el('text')
  // What was typed while the reply was on its way stays.
  if (box.value.startsWith(sent)) box.value = box.value.slice(sent.length).trimStart()
  grow(box)
  clearFile()
  forgetDraft(box.value)
  toEnd()
}

function fail(ctx) {
  if (!isReply(ctx)) return
  delete el('composer')?.dataset.busy
  say(
    'No answer from the server, so nothing was sent twice or lost. Your text is still here: try again.',
  )
}

function grow(box) {
  const left = MAX - box.value.length
  el('count').textContent = left < MAX - NEAR ? `${left} characters left` : ''
  if (CSS.supports('field-sizing', 'content')) return
  box.style.blockSize = 'auto'
  box.style.blockSize = `${box.scrollHeight}px`
}
