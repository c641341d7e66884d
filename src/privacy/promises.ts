/** One thing the privacy policy promises: our short title, and words of the policy it stands on, verbatim. */
export type Promised = { readonly id: string; readonly title: string; readonly words: string }

const ACCOUNT =
  'When you create an account, we collect your name, email address, and organization details.'
const WHATSAPP =
  'we process messages, phone numbers, and related metadata sent and received through the WhatsApp Business API.'
const SOLELY = 'This data is used solely to provide CRM functionality.'
const USAGE =
  'We automatically collect information about how you interact with the service, such as pages visited, features used, and timestamps.'
const MEASURES =
  'We implement industry-standard security measures to protect your data from unauthorized access.'
const SERVERS = 'Your data is stored on secure, encrypted servers.'
const SEALED =
  'Sensitive credentials such as WhatsApp API access tokens and app secrets are encrypted at rest using AES-256-GCM encryption.'
const SHARE =
  'We may share data with third-party service providers only as necessary to operate the service (e.g., hosting providers, the Meta WhatsApp Business API).'
const RETAIN =
  'We retain your data for as long as your account is active or as needed to provide the service.'
const ASK =
  'You may request deletion of your account and associated data at any time by contacting us.'
const REMOVE =
  'Upon account deletion, we will remove your personal data and WhatsApp configuration within 30 days.'
const EXPLAINS =
  'This Privacy Policy explains how we collect, use, disclose, and safeguard your information when you use our service.'
const IMPROVE = 'To improve and personalize the user experience.'
const COMMUNICATE = 'To communicate with you about service updates and support.'
const ABUSE = 'To detect, prevent, and address technical issues or abuse.'
const OBJECT = 'Object to or restrict certain data processing.'

const listed: readonly (readonly [title: string, words: string])[] = [
  ['The policy is public, to the byte', EXPLAINS],
  ['Versions are kept and changes announced', 'Last updated: February 13, 2026'],
  ['One address, and each message is a case', 'please contact us at firstfashionstore0@gmail.com.'],
  ['Every surface keeps the promises', 'including the web application and associated APIs.'],
  ['Sign-up asks for these and nothing else', ACCOUNT],
  ['An account is seen and corrected at once', 'Access the personal data we hold about you.'],
  ['Only declared WhatsApp data is taken in', WHATSAPP],
  ['Each column has its reason', EXPLAINS],
  ['No reason, no new column', SOLELY],
  ['One declaration exports and erases', SOLELY],
  ['Used for the CRM and nothing else', SOLELY],
  ['No organization sees another', MEASURES],
  ['Usage is page, feature and time', USAGE],
  ['Nobody else watches', USAGE],
  ['An objection counts at once', OBJECT],
  ['Usage and addresses are short-lived', RETAIN],
  ['Few may look at usage', IMPROVE],
  ['Repaired without looking inside', 'To provide and maintain the ChatFlow CRM service.'],
  ['Messages go where you said', 'To process and route WhatsApp messages on your behalf.'],
  ['Personal settings can be seen and undone', IMPROVE],
  ['Few service updates, each marked', COMMUNICATE],
  ['Support without a master key', COMMUNICATE],
  ['Abuse is found with reasons to contest', ABUSE],
  ['Encrypted on the way and at rest', SERVERS],
  ['Credentials are sealed to their place', SEALED],
  ['No nonce twice, no key overused', SEALED],
  ['Keys are changed without an outage', SEALED],
  ["Deletion destroys the organization's key", REMOVE],
  ['No secret in logs, jobs or pages', SEALED],
  ['Webhooks are sealed before they queue', SERVERS],
  ['Strangers are refused', MEASURES],
  ['A breach is noticed, timed and told', MEASURES],
  ['Nothing is sold', 'We do not sell your personal data.'],
  ['One door leads out', SHARE],
  ['Sub-processors are on a public list', SHARE],
  ['Disclosure by law is logged and told', 'We may also disclose data if required by law.'],
  ['Nothing outlives its rule', RETAIN],
  ['Ask for deletion at any time', ASK],
  ['Done within 30 days', REMOVE],
  ['Removed everywhere', REMOVE],
  ["Gone at Meta's side too", REMOVE],
  ['What was deleted stays deleted', REMOVE],
  ['Backups forget as well', REMOVE],
  ['A certificate anybody can check', REMOVE],
  ['A sweep proves nothing is left', REMOVE],
  ['Requests are cases with one clock', 'You have the right to:'],
  ['Access in plain words', 'Access the personal data we hold about you.'],
  ['A correction reaches each copy', 'Request correction of inaccurate data.'],
  ['One person is erased, the rest stays', 'Request deletion of your data.'],
  ['The machine enforces objections', OBJECT],
  ['Exports are whole and can be read back', 'Export your data in a portable format.'],
  ['Evidence in place of adjectives', EXPLAINS],
]

/** P1 to P52, in order: what the promises report and the Trust page list. */
export const promises: readonly Promised[] = listed.map(([title, words], index) => ({
  id: `P${index + 1}`,
  title,
  words,
}))
