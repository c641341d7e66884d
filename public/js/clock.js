import { afterSwaps, el } from './page.js'

const LATE_MS = 15_000
const TICK_MS = 1_000

/** Counts the reply window down, closes the composer at its end, and offers to take back what waits too long. */
export function keepClock() {
  afterSwaps(tick)
  setInterval(tick, TICK_MS)
}

function tick() {
  showWindow()
  for (const form of document.querySelectorAll('[data-late][hidden]')) {
    form.hidden = Date.now() - Date.parse(form.dataset.late) < LATE_MS
  }
}

function showWindow() {
  const chip = el('window')
  const form = el('composer')
  if (!chip || !form) return
  const minutes = Math.max(0, Math.ceil((Number(chip.dataset.expires) - Date.now()) / 60_000))
  const state = minutes > 0 ? 'open' : 'closed'
  const left = el('window-left')
  const text = minutes > 0 ? wordsFor(minutes) : 'Closed'
  if (left.textContent !== text) left.textContent = text
  chip.classList.toggle('warn', minutes > 60 && minutes <= 240)
  chip.classList.toggle('hot', minutes > 0 && minutes <= 60)
  if (form.dataset.window === state) return
  form.dataset.window = state
  el('send').disabled = state === 'closed'
  el('announce').textContent =
    state === 'closed'
      ? 'The reply window is closed. Your text is kept.'
      : 'The reply window is open.'
}

const wordsFor = (minutes) =>
  minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} m` : `${minutes} m`
