/** The element with an id, or null. */
export const el = (id) => document.getElementById(id)

/** Runs once now and again after every change htmx made to the page. */
export function afterSwaps(run) {
  run()
  document.addEventListener('htmx:after:swap', run)
}

/** Sends fields as a form would, as a part of the page; answers true when the server took them. */
export async function post(url, fields) {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      keepalive: true,
      headers: { 'HX-Request': 'true', 'HX-Request-Type': 'partial' },
      body: new URLSearchParams(fields),
    })
    const login = answer.headers.get('HX-Redirect')
    if (login) say('You are signed out. What you typed is kept on this device.', login)
    return answer.ok && !login
  } catch {
    return false
  }
}

/** A sentence in the page's alert, with a link to what mends it. */
export function say(sentence, href) {
  const alert = el('alert')
  if (!alert) return
  const text = document.createElement('span')
  text.textContent = sentence
  const mend = document.createElement(href ? 'a' : 'button')
  mend.id = 'alert-close'
  mend.textContent = href ? 'Sign in' : 'Close'
  if (href) mend.href = href
  else mend.dataset.close = '#alert'
  alert.replaceChildren(text, mend)
}
