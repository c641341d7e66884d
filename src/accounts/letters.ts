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

export const emailLinkMail = (on: Resources, { user, email, token }: To): Letter => ({
  to: email,
  user,
  kind: 'email_change',
  subject: 'Confirm your new e-mail for ChatFlow',
  text: text(
    'Somebody, probably you, wants to sign in to ChatFlow with this address from now on. Open this link while you are signed in:',
    link(on, `/settings/profile/email/${token}`),
    'It works once, for 24 hours. If it was not you, do nothing: nothing changes.',
  ),
})

export const emailTakenMail = (on: Resources, email: string): Letter => ({
  to: email,
  kind: 'email_change',
  subject: 'You have a ChatFlow account already',
  text: text(
    'Somebody wanted to use this address for another account of ChatFlow. It has an account already, so nothing changes.',
    `Sign in: ${link(on, '/login')}`,
  ),
})

/** To the address before: whoever reads its mail can take the change back. */
export const emailChangedMail = (on: Resources, { user, email, token }: To): Letter => ({
  to: email,
  user,
  kind: 'email_changed',
  subject: 'The e-mail of your ChatFlow account was changed',
  text: text(
    'From now on your account has another address, and this one is not used any more.',
    `If it was not you, take it back within 72 hours; all sign-ins end with it: ${link(on, `/email/undo/${token}`)}`,
    'After that nothing of this address is left in your account.',
  ),
})

export type FactorNews =
  'factor.on' | 'factor.off' | 'factor.reset' | 'factor.recovery_used' | 'factor.codes_renewed'

const FACTOR_NEWS: Record<FactorNews, [subject: string, says: string]> = {
  'factor.on': [
    'Your second factor is on',
    'From now on a code of your app is asked for after your password. Other sign-ins were ended.',
  ],
  'factor.off': [
    'Your second factor is off',
    'From now on your password alone signs you in. Other sign-ins were ended.',
  ],
  'factor.reset': [
    'Your second factor was taken away',
    'Whoever operates this installation took it away, and all sign-ins were ended. Sign in with your password and set it up anew.',
  ],
  'factor.recovery_used': [
    'A recovery code was used',
    'One of your recovery codes was used in place of a code of your app. It does not work again.',
  ],
  'factor.codes_renewed': [
    'You have new recovery codes',
    'Ten new recovery codes were made. The earlier ones do not work any more.',
  ],
}

/** To the person themselves, so that nobody else changes how they sign in without their knowing. */
export function factorMail(
  on: Resources,
  { user, email }: { user: string; email: string },
  news: FactorNews,
): Letter {
  const [subject, says] = FACTOR_NEWS[news]
  return {
    to: email,
    user,
    kind: 'second_factor',
    subject,
    text: text(
      says,
      `If it was not you, change your password and look at where you are signed in: ${link(on, '/settings/security')}`,
    ),
  }
}
