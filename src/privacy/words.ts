import type {
  Category,
  Entry,
  Erase,
  Export,
  LawfulBasis,
  Origin,
  Purpose,
  Sealed,
  Subject,
} from './manifest/vocabulary.ts'

/** The words of the manifest as people read them. Purposes are the five uses that §3 of the policy names. */
export const SUBJECTS: Readonly<Record<Subject, string>> = {
  account_user: 'people with an account',
  contact: 'customers on WhatsApp',
  org: 'the organization',
  none: 'nobody',
}
export const PURPOSES: Readonly<Record<Purpose, string>> = {
  provide: 'to provide and maintain the service',
  route: 'to process and route WhatsApp messages',
  personalise: 'to improve and personalize the experience',
  communicate: 'to communicate about the service',
  protect: 'to detect, prevent and address technical issues or abuse',
}
export const BASES: Readonly<Record<LawfulBasis, string>> = {
  contract: 'contract, GDPR 6(1)(b)',
  legitimate_interest: 'legitimate interest, GDPR 6(1)(f)',
  consent: 'consent, GDPR 6(1)(a)',
  legal_obligation: 'legal obligation, GDPR 6(1)(c)',
  processor_instruction: 'on the organization’s instruction, GDPR 28',
}
export const CATEGORIES: Readonly<Record<Category, string>> = {
  identity: 'identity',
  contact_detail: 'contact details',
  content: 'content',
  message_metadata: 'message metadata',
  credential: 'credentials',
  secret: 'secrets',
  usage: 'use of the service',
  network: 'network addresses',
  preference: 'preferences',
  support: 'support',
  billing: 'billing',
  audit: 'accountability',
  system: 'ids and times',
}
export const ORIGINS: Readonly<Record<Origin, string>> = {
  person: 'the person',
  meta_webhook: 'WhatsApp',
  agent: 'a colleague',
  import: 'an import',
  derived: 'made from other data',
  system: 'the system',
}
const SEALED: Readonly<Record<Sealed, string>> = {
  none: '',
  gcm_org: 'sealed with AES-256-GCM under the organization’s key',
  gcm_instance: 'sealed with AES-256-GCM under the installation’s key',
  hash: 'a digest only',
  hmac: 'a keyed digest only',
}
const EXPORTS: Readonly<Record<Exclude<Export, object>, string>> = {
  include: 'whole',
  include_masked: 'masked',
  presence_only: 'that there is one',
}
const ERASURES: Readonly<Record<Exclude<Erase, object>, string>> = {
  delete_row: 'the row is deleted',
  null: 'the value is emptied',
  pseudonymise: 'replaced by a random label',
  redact_paths: 'the declared paths are emptied',
  aggregate: 'only counts are left',
  shred: 'its key is destroyed',
}

export const exportWords = (how: Export): string =>
  typeof how === 'object' ? `no: ${how.exclude}` : EXPORTS[how]

export const eraseWords = (how: Erase): string =>
  typeof how === 'object' ? `kept: ${how.keep}, until ${how.until}` : ERASURES[how]

export const sealWords = ({ sealed }: Pick<Entry, 'sealed'>): string => SEALED[sealed]
