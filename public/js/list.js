import { afterSwaps, el } from './page.js'

/** While the pointer moves over the list, no row moves away under it. */
const REST_MS = 1_200
let movedAt = 0
let settling

const rowsOf = (list) => [...list.querySelectorAll(':scope > .row')]
const isHeld = () => Date.now() - movedAt < REST_MS

/** Rows arrive beside the list and are put where they belong, newest activity first. */
export function keepList() {
  document.addEventListener('pointermove', (event) => {
    if (event.pointerType === 'mouse' && event.target.closest?.('#list')) movedAt = Date.now()
  })
  afterSwaps(() => {
    place()
    settle()
    markOpen()
  })
}

function place() {
  const list = el('list')
  const arrived = el('arrived')
  if (!list || !arrived) return
  for (const next of Array.from(arrived.children)) {
    const old = rowsOf(list).find((row) => row.id === next.id)
    next.remove()
    if (next.dataset.gone) drop(old)
    else if (old) replace(old, next)
    else if (!list.dataset.search && !isBeyond(list, next)) list.prepend(next)
  }
}

/** Older than what is loaded, it comes with its own page. */
const isBeyond = (list, row) => el('more') && Number(row.dataset.at) < oldest(list)
const oldest = (list) => Math.min(...rowsOf(list).map((row) => Number(row.dataset.at)))

function replace(old, next) {
  const draft = old.querySelector('.draft-line')
  if (draft) next.querySelector('.text').before(draft)
  const isFocused = old.contains(document.activeElement)
  old.replaceWith(next)
  if (isFocused) next.querySelector('a').focus({ preventScroll: true })
}

/** The next row takes the focus of one that left the view. */
function drop(row) {
  const isFocused = row?.contains(document.activeElement)
  const next = row?.nextElementSibling ?? row?.previousElementSibling
  row?.remove()
  if (isFocused) next?.querySelector('a')?.focus({ preventScroll: true })
}

function settle() {
  clearTimeout(settling)
  if (isHeld()) settling = setTimeout(settle, REST_MS)
  else sort()
}

function sort() {
  const list = el('list')
  if (!list) return
  const rows = rowsOf(list)
  const sorted = rows.toSorted((a, b) => Number(b.dataset.at) - Number(a.dataset.at))
  if (rows.every((row, i) => row === sorted[i])) return
  const focused = document.activeElement
  const isAtTop = list.scrollTop < 4
  const before = list.querySelector('#newest')?.parentElement ?? null
  const anchor = before ? before.nextSibling : list.firstChild
  const marker = document.createComment('')
  list.insertBefore(marker, anchor)
  for (const row of sorted) list.insertBefore(row, marker)
  marker.remove()
  if (isAtTop) list.scrollTop = 0
  if (focused !== document.activeElement) focused.focus({ preventScroll: true })
}

/** The row of the open conversation is the current one, however it was opened. */
function markOpen() {
  const open = el('thread')?.dataset.open
  for (const link of document.querySelectorAll('#list .row > a')) {
    if (open && link.parentElement.id === `c-${open}`) link.setAttribute('aria-current', 'true')
    else link.removeAttribute('aria-current')
  }
}
