import type { Message } from '../messages/messages.ts'
import type { Shown } from './bubbles.ts'
import { objectIn, textIn } from './payloads.ts'

/** What is to be known of a message before its words. Source: WhatsApp Cloud API, context; groups; standby. */
export function marksOf({ kind, payload, via, context_wamid, direction }: Message): Shown['marks'] {
  const context = objectIn(payload, 'context')
  const product = objectIn(context, 'referred_product')
  const marks: [boolean, string, string][] = [
    [context['frequently_forwarded'] === true, 'forward', 'Forwarded many times'],
    [context['forwarded'] === true, 'forward', 'Forwarded'],
    [
      textIn(payload, 'group_id') !== '',
      'people',
      'In a group · a reply goes to this person alone',
    ],
    [via === 'standby', 'shuffle', 'Handled by another application'],
    [
      textIn(product, 'product_retailer_id') !== '',
      'tag',
      `About product ${textIn(product, 'product_retailer_id')}`,
    ],
    [
      kind === 'edit' && context_wamid !== null,
      'pen',
      `${direction === 'in' ? 'Change of' : 'You changed'} a message that is not here`,
    ],
  ]
  return marks.flatMap(([is, icon, text]) => (is ? [{ icon, text }] : []))
}

/** The ad or post somebody came by; its pictures lie at Meta and are not loaded. */
export function adOf({ payload }: Message): Shown['ad'] {
  const referral = objectIn(payload, 'referral')
  if (Object.keys(referral).length === 0) return undefined
  const [title, text, url] = [
    textIn(referral, 'headline'),
    textIn(referral, 'body'),
    textIn(referral, 'source_url'),
  ]
  const isPost = textIn(referral, 'source_type') === 'post'
  const isLink = URL.canParse(url) && new URL(url).protocol === 'https:'
  return { title: title || (isPost ? 'A post' : 'An ad'), text, href: isLink ? url : '' }
}
