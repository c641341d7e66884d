import { el, post } from './page.js'

const YEAR = 31_536_000

function remember(name, value) {
  const secure = location.protocol === 'https:' ? '; secure' : ''
  document.cookie = `${name}=${value}; path=/; max-age=${value ? YEAR : 0}; samesite=lax${secure}`
}

/** Colours are chosen without a reload and kept with the person, the server is told the reader's time zone, and notices can be closed. */
export function keepTheme() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  remember('tz', encodeURIComponent(timeZone ?? 'UTC'))
  document.addEventListener('click', (event) => {
    const close = event.target.closest('[data-close]')
    if (close) document.querySelector(close.dataset.close)?.replaceChildren()
    const choice = event.target.closest('#theme button')
    if (!choice) return
    event.preventDefault()
    document.documentElement.dataset.theme = choice.value
    void post('/theme', { theme: choice.value })
    for (const button of el('theme').querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(button === choice))
    }
  })
}
