/** "Show password" beside its field; without scripts the box is not there. */
export function keepReveal() {
  for (const label of document.querySelectorAll('[data-reveals]')) label.hidden = false
  document.addEventListener('change', (event) => {
    const label = event.target.closest('[data-reveals]')
    const field = label && document.getElementById(label.dataset.reveals)
    if (field) field.type = event.target.checked ? 'text' : 'password'
  })
}
