import { afterSwaps, el, post } from './page.js'

const READ_MS = 1_000
/** Nearer than this to its end, a thread follows what comes. */
const NEAR_PX = 80
let reading
let lastSeen = ''
let open = ''

/** The log is drawn from its end, so its scroll position is 0 there and negative above. */
const isAtEnd = (log) => log.scrollTop > -NEAR_PX
const newest = () => [...document.querySelectorAll('#part .msg')].at(-1)?.id ?? ''

/** A thread stays where its reader is, says when there is more below, and is read when it was seen. */
export function keepThread() {
  document.addEventListener('htmx:before:swap', hold)
  afterSwaps(() => {
    tidyDays()
    follow()
    watchRead()
  })
  document.addEventListener('visibilitychange', watchRead)
  document.addEventListener('click', (event) => {
    if (event.target.closest('#jump')) toEnd()
  })
  document.addEventListener(
    'scroll',
    (event) => {
      if (event.target.id === 'log' && isAtEnd(event.target)) el('jump').hidden = true
    },
    { capture: true, passive: true },
  )
}

let held

/** Which message the reader has at the top, and where, before anything changes. */
function hold() {
  const log = el('log')
  held = undefined
  if (!log || isAtEnd(log)) return
  const { top } = log.getBoundingClientRect()
  const first = [...log.querySelectorAll('.msg')].find(
    (message) => message.getBoundingClientRect().bottom > top,
  )
  if (first) held = { id: first.id, top: first.getBoundingClientRect().top }
}

function follow() {
  const log = el('log')
  if (!log) return
  const isOther = el('thread').dataset.open !== open
  const isMore = !isOther && newest() !== lastSeen && lastSeen !== ''
  open = el('thread').dataset.open
  lastSeen = newest()
  const message = held && !isOther ? el(held.id) : null
  if (message) {
    log.scrollTop += message.getBoundingClientRect().top - held.top
    if (isMore) el('jump').hidden = false
  }
  held = undefined
}

export function toEnd() {
  const log = el('log')
  if (log) log.scrollTop = 0
  if (el('jump')) el('jump').hidden = true
}

/** Pages of one day each carry its name; only the first of them shows it. */
function tidyDays() {
  let last
  for (const day of document.querySelectorAll('#log .day')) {
    day.hidden = day.dataset.day === last
    last = day.dataset.day
  }
}

/** Seen for a second in a page that is in sight: then, and not when it was merely opened, it counts as read. */
function watchRead() {
  clearTimeout(reading)
  const bar = el('thread-bar')
  if (!bar || document.hidden || bar.dataset.unread === '0') return
  reading = setTimeout(() => post(`/inbox/${el('thread').dataset.open}/read`, {}), READ_MS)
}
