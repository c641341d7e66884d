import { afterSwaps, el } from './page.js'

/** The window's title and sign say how many conversations wait, as the badge does. */
export function keepBadge() {
  afterSwaps(() => {
    const badge = el('unread')
    if (!badge) return
    const count = Number(badge.dataset.count)
    nameWindow(count)
    const icon = el('favicon')
    const wanted = count > 0 ? icon.dataset.waiting : icon.dataset.calm
    if (icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted)
  })
}

function nameWindow(count) {
  const page = el('thread')?.dataset.title
  const title = page ? `${page} · ChatFlow` : document.title.replace(/^\(\d+\+?\) /, '')
  document.title = count > 0 ? `(${count > 99 ? '99+' : count}) ${title}` : title
}
