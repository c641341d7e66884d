/** What Meta answered when it was last asked about a connection. */
export type Check = {
  at: string
  outcome: 'ok' | 'refused' | 'unreachable'
  /** Meta's code and subcode (`190/463`), or a word of ours: `expired`, `other_app`, `scopes`, `waba`, a network reason. */
  code: string | null
  /** Meta's own words, without the token. */
  said: string | null
  /** When the token ends; null when it does not, or when nobody could tell. */
  expires_at: string | null
}

/**
 * A fault in words: what is the matter and how to mend it. `by` says whose turn it is: new `secrets` here, the
 * `account` at Meta, or nobody's: `wait`. With the first two nothing can be sent.
 */
export type Verdict = { title: string; mend: string; by: 'secrets' | 'account' | 'wait' }
/** With what Meta said of it, in a sentence; empty when Meta said nothing. */
export type Answer = Verdict & { said: string }

const verdict = (by: Verdict['by'], title: string, mend: string): Verdict => ({
  by,
  title,
  mend,
})

const TOKEN = verdict(
  'secrets',
  'Meta refused the access token.',
  'Make a new one in Meta Business settings and replace it here.',
)
const EXPIRED = verdict(
  'secrets',
  'The access token has expired.',
  'Make a new one for a system user, without an end, and replace it here.',
)
const PERMISSION = verdict(
  'secrets',
  'The access token lacks a permission.',
  'Give it whatsapp_business_messaging and whatsapp_business_management, and replace it here.',
)
const NUMBER = verdict(
  'secrets',
  'Meta knows no such number for this token.',
  'Compare the phone number id with WhatsApp Manager, and give the token’s system user the business account.',
)
const BLOCKED = verdict(
  'account',
  'Meta has blocked this business account.',
  'The reason and the way to appeal stand in WhatsApp Manager. Then check again.',
)
const BILLING = verdict(
  'account',
  'Meta cannot bill this business account.',
  'Put the payment method right in WhatsApp Manager. Customers still reach you meanwhile.',
)
const BUSY = verdict(
  'wait',
  'Meta takes no more questions for now.',
  'There were too many calls for this account. Check again in a few minutes; messages are not affected.',
)
const TROUBLE = verdict(
  'wait',
  'Meta has a problem of its own.',
  'Nothing here is known to be wrong. Check again in a few minutes.',
)
const SILENT = verdict(
  'wait',
  'Meta could not be reached.',
  'Look at the network, the proxy and GRAPH_API_URL of this server. What is to be sent waits.',
)
const OTHER = verdict(
  'wait',
  'Meta refused this connection.',
  'Compare the ids and the token with WhatsApp Manager, then check again.',
)

/** Codes of Meta (Graph API and Cloud API error tables), with a subcode first where it says more. */
const BY_CODE: readonly (readonly [readonly string[], Verdict])[] = [
  [['190/463', 'expired'], EXPIRED],
  [['0', '102', '190', 'credentials'], TOKEN],
  [['3', '10', '131005', 'scopes'], PERMISSION],
  [['33', '100', '133010'], NUMBER],
  [['368', '131031'], BLOCKED],
  [['131042'], BILLING],
  [['4', '17', '32', '613', '80007', '80008'], BUSY],
  [['1', '2', '131000', '131016', '133004'], TROUBLE],
  [
    ['disconnected'],
    verdict(
      'secrets',
      'This number is disconnected, and its token is destroyed.',
      'To use it again, make a new access token in Meta Business settings and enter it here.',
    ),
  ],
  [
    ['deauthorized'],
    verdict(
      'secrets',
      'The app was removed at Meta, and its token is destroyed here.',
      'Connect the app again in Meta Business settings, make a new access token and replace it here.',
    ),
  ],
  [
    ['other_app'],
    verdict(
      'secrets',
      'The access token belongs to another Meta app.',
      'Make it in the app whose id and secret this installation uses, and replace it here.',
    ),
  ],
  [
    ['waba'],
    verdict(
      'secrets',
      'The access token does not cover this business account.',
      'Compare the business account id, or give the token’s system user this account.',
    ),
  ],
]

/** Words for a code of Meta or of ours; codes that nobody has explained get a general sentence. */
export function explainCode(code: string): Verdict {
  const [whole = ''] = code.split('/')
  const known = BY_CODE.find(([codes]) => codes.includes(code) || codes.includes(whole))
  return known?.[1] ?? (isPermission(Number(whole)) ? PERMISSION : OTHER)
}

/** Words for a check; a good one has a title only. */
export function explainCheck({ outcome, code, said }: Check): Answer {
  if (outcome === 'ok')
    return { ...verdict('wait', 'Meta accepts the access token.', ''), said: '' }
  if (outcome === 'unreachable') return { ...SILENT, said: '' }
  return {
    ...explainCode(code ?? ''),
    said: said ? `Meta said: “${said}” (${code ?? 'no code'}).` : '',
  }
}

const isPermission = (code: number): boolean => code >= 200 && code <= 299
