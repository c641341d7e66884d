/** A choice that needs no button is sent when it is made. */
document.addEventListener('change', ({ target }) => {
  target.closest('[data-autosubmit]')?.requestSubmit()
})

/** A menu of the phone has done its work when something in it was chosen. */
document.addEventListener('click', ({ target }) => {
  target.closest('.acts :is(a, button)')?.closest('[popover]').hidePopover()
})

/** The inbox in a window of its own, on the other half of the screen; without a script it is another tab. */
document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-beside]')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  const width = Math.floor(screen.availWidth / 2)
  const place = `popup,width=${width},height=${screen.availHeight},left=${width},top=0`
  if (window.open(link.href, link.target, place)) event.preventDefault()
})

/** Escape ends a reply that is being written, and the text stays. */
document.addEventListener('keydown', ({ key, target }) => {
  if (key === 'Escape' && target.id === 'phone-text') {
    document.querySelector('#phone-composer > .quote')?.remove()
    document.querySelector('#phone-composer > [name=context]')?.remove()
  }
})
