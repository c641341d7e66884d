import { el } from './page.js'

const rows = () => [...document.querySelectorAll('#list .row > a')]

function move(step) {
  const all = rows()
  const focused = all.indexOf(document.activeElement)
  const current = focused >= 0 ? focused : all.findIndex((link) => link.ariaCurrent)
  const next = all[Math.min(Math.max(current + step, 0), all.length - 1)]
  next?.focus()
}

function back() {
  const link = el('back')
  if (link?.checkVisibility()) link.click()
  else (document.querySelector('#list [aria-current]') ?? rows()[0])?.focus()
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  o: () => document.activeElement.closest?.('#list .row > a')?.click(),
  u: back,
  r: () => el('text')?.focus(),
  e: () => el('resolve')?.click(),
  a: () => el('assign')?.click(),
  t: () => el('pick-template')?.click(),
  '/': () => el('search')?.focus(),
  '?': () => el('shortcuts')?.togglePopover(),
}

const isTyping = (target) => target.closest?.('input, textarea, select, [contenteditable]') !== null

/** Single keys act while nobody types, matched by the character they make and never with a modifier. */
export function keepKeys() {
  document.addEventListener('keydown', (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Escape' && event.target.id === 'text') event.target.blur()
    if (isTyping(event.target) || !Object.hasOwn(KEYS, event.key)) return
    event.preventDefault()
    KEYS[event.key]()
  })
}
