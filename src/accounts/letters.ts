import type { Letter } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'

/** The mails of this folder, in plain text. Links begin with APP_URL, never with what a request said of the host. */
const link = (on: Resources, path: string): string => on.config.APP_URL + path

const text = (...paragraphs: string[]): string => `${paragraphs.join('\n\n')}\n`

type To = { user: string; email: string; token: string }

export const confirmMail = (on: Resources, { user, email, token }: To): Letter => ({
  to: email,
  user,
  kind: 'sign_up',
  subject: 'Confirm your e-mail for ChatFlow',
  text: text(
    'You signed up for ChatFlow with this address. Open this link and enter the password you chose:',
    link(on, `/signup/${token}`),
    'It works once, for 24 hours. If it was not you, do nothing: without the link there is no account.',
  ),
})

export const takenMail = (on: Resources, email: string): Letter => ({
  to: email,
  kind: 'sign_up_taken',
  subject: 'You have a ChatFlow account already',
  text: text(
    'Somebody, probably you, tried to sign up for ChatFlow with this address. It has an account already.',
    `Sign in: ${link(on, '/login')}`,
    `Forgot the password: ${link(on, '/reset')}`,
    'If it was not you, do nothing: nothing was changed.',
  ),
})

export const resetMail = (on: Resources, { user, email, token }: To): Letter => ({
  to: email,
  user,
  kind: 'password_reset',
  subject: 'Choose a new password for ChatFlow',
  text: text(
    'Somebody, probably you, asked for a new password for this address. Choose it here:',
    link(on, `/reset/${token}`),
    'The link works once, for 30 minutes, and ends all sign-ins. If it was not you, do nothing: your password stays.',
  ),
})

type Invited = { org: string; orgName: string; inviter: string; email: string; path: string }

export const invitationMail = (on: Resources, invited: Invited): Letter => ({
  to: invited.email,
  org: invited.org,
  kind: 'invitation',
  subject: 'You are invited to a ChatFlow organization',
  text: text(
    `${invited.inviter} invites you to work with ${invited.orgName} in ChatFlow. Accept here:`,
    link(on, invited.path),
    'The link works once, for seven days. If you do not know them, do nothing.',
  ),
})
