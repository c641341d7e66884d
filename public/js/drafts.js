import { afterSwaps, el, post } from './page.js'

const PAUSE_MS = 800
let timer
let saving = Promise.resolve()
let waiting
const restored = new WeakSet()

const keyOf = ({ person, conversation }) => `draft:${person}:${conversation}`

/** What is typed is kept on this device at once and on the server a moment later; the newer one comes back. */
export function keepDrafts() {
  afterSwaps(restore)
  document.addEventListener('input', (event) => {
    if (event.target.id === 'text') keep(event.target.value)
  })
  document.addEventListener('pagehide', flush)
}

function restore() {
  const form = el('composer')
  if (!form || restored.has(form)) return
  restored.add(form)
  const kept = JSON.parse(localStorage.getItem(keyOf(form.dataset)) ?? 'null')
  const box = el('text')
  if (kept && kept.at > Number(form.dataset.draftAt) && kept.text !== box.value) {
    box.value = kept.text
    keep(kept.text)
  }
}

function keep(text) {
  const form = el('composer')
  const { conversation } = form.dataset
  if (text.trim() === '') localStorage.removeItem(keyOf(form.dataset))
  else localStorage.setItem(keyOf(form.dataset), JSON.stringify({ text, at: Date.now() }))
  showInList(conversation, text)
  clearTimeout(timer)
  timer = setTimeout(() => save(conversation, text), PAUSE_MS)
  waiting = { conversation, text }
}

function save(conversation, text) {
  waiting = undefined
  saving = saving.then(() => post(`/inbox/${conversation}/draft`, { text }))
}

/** The page goes away before the pause is over. */
function flush() {
  clearTimeout(timer)
  if (waiting) save(waiting.conversation, waiting.text)
}

/** The reply was sent: the server forgot the draft with it, but a save on its way could bring it back. */
export function forgetDraft(rest) {
  clearTimeout(timer)
  waiting = undefined
  const { conversation } = el('composer').dataset
  localStorage.removeItem(keyOf(el('composer').dataset))
  showInList(conversation, rest)
  if (rest.trim() !== '') keep(rest)
  else void saving.then((wasSaved) => wasSaved && save(conversation, ''))
}

/** The row shows the draft in place of its last message. */
function showInList(conversation, text) {
  const row = el(`c-${conversation}`)
  row?.querySelector('.draft-line')?.remove()
  if (!row || text.trim() === '') return
  const line = document.createElement('span')
  line.className = 'text draft-line'
  const mark = document.createElement('span')
  mark.className = 'draft'
  mark.textContent = 'Draft:'
  const words = document.createElement('bdi')
  words.textContent = text.slice(0, 120)
  line.append(mark, words)
  row.querySelector('.text').before(line)
}
