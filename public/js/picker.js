import { el } from './page.js'
import { toEnd } from './thread.js'

/** The choice of templates above the writing box: closed by its cross, by Escape and by sending. */
export function keepPicker() {
  document.addEventListener('click', (event) => {
    if (!event.target.closest('#picker #picker-close')) return
    event.preventDefault()
    shut()
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !event.target.closest?.('#picker')) return
    event.preventDefault()
    shut()
  })
  document.addEventListener('htmx:after:request', ({ detail: { ctx } }) => {
    if (ctx?.sourceElement?.id !== 'template-form' || ctx.response.status !== 201) return
    shut()
    toEnd()
  })
}

function shut() {
  el('picker').replaceChildren()
  el('pick-template')?.focus()
}
