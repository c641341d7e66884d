import { setUpFactor } from './authenticator.ts'
import { INSTALLATION, linkIn, PART, type Told } from './leak-values.ts'
import type { Visitor } from './visitor.ts'

export async function signUp(told: Told): Promise<Visitor> {
  const { app, ears, given, personal, secrets } = told
  const owner = ears.browser(app, 'owner')
  const { owner: name, email } = personal
  const form = { organization: 'Harbour shop', name, email, password: given.password }
  await owner.post('/signup', { ...form, password: email })
  await owner.post('/signup', { ...form, email: personal.broken })
  await owner.post('/signup', form)
  const link = await linkIn(told, 'signup')
  await owner.get(link)
  await owner.post(link, { password: given.wrongPassword })
  await owner.post(link, { password: given.password })
  secrets['session'] = [...owner.cookies.values()][0] ?? ''
  return owner
}

export async function signIn(
  { app, ears, given, personal, secrets }: Told,
  owner: Visitor,
): Promise<void> {
  const { app: phone, codes } = await setUpFactor(owner, app.on.now)
  secrets['factor'] = phone.key.replaceAll(' ', '')
  codes.forEach((code, at) => (secrets[`recovery${at}`] = code))
  const again = ears.browser(app, 'owner')
  await again.post('/login', { email: personal.email, password: given.wrongPassword })
  await again.get(`/login?access_token=${given.accessToken}&next=/inbox?q=${personal.search}`)
  await again.post('/login', { email: personal.email, password: given.password }, PART)
  await again.post('/login/code', { code: '000000' })
  await again.post('/login/code', { code: codes[0] ?? '' })
  secrets['secondSession'] = [...again.cookies.values()][0] ?? ''
}

export async function invite(told: Told, owner: Visitor): Promise<void> {
  const { app, ears, given, personal } = told
  await owner.post('/settings/members/invitations', { email: personal.broken, role: 'agent' })
  await owner.post('/settings/members/invitations', {
    email: personal.colleagueEmail,
    role: 'agent',
  })
  const link = await linkIn(told, 'invite')
  const colleague = ears.browser(app, 'colleague')
  await colleague.get(link)
  await colleague.post(link, { name: personal.colleague, password: 'short' })
  await colleague.post(link, { name: personal.colleague, password: given.theirPassword })
  await colleague.get('/inbox')
  await colleague.get('/settings/connections')
}

export async function askInPublic({ app, ears, given, personal }: Told): Promise<void> {
  const stranger = ears.browser(app, 'stranger')
  const form = { name: personal.customer, email: personal.contactEmail, kind: 'question' }
  await stranger.post('/privacy/contact', { ...form, email: 'none', text: personal.asked })
  await stranger.post('/privacy/contact', { ...form, text: personal.asked })
  for (const path of ['/meta/data-deletion', '/meta/deauthorize'])
    await stranger.post(path, { signed_request: `${given.otherToken}.${given.otherToken}` })
  for (const path of [
    '/',
    '/trust',
    '/trust.json',
    '/health/ready',
    '/health/webhooks',
    '/login',
    '/deletion/x',
  ])
    await stranger.get(path)
  for (const authorization of [`Bearer ${INSTALLATION.metrics}`, `Bearer ${given.wrongKey}`])
    await stranger.get('/metrics', { authorization })
}

export async function reset(told: Told): Promise<void> {
  const { app, ears, given, personal } = told
  const person = ears.browser(app, 'owner')
  await person.post('/reset', { email: personal.email })
  const link = await linkIn(told, 'reset')
  await person.get(link)
  await person.post(link, { password: personal.email })
  await person.post(link, { password: given.newPassword })
  await person.get('/login?from=reset')
}
