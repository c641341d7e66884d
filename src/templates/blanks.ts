import {
  blanksIn,
  partsOf,
  samplesOf,
  type Button,
  type Component,
  type Parts,
} from './components.ts'
import type { Template } from './templates.ts'

/** A place of a template that somebody fills in before it is sent. `key` names it in forms and in a preview. */
export type Blank = {
  key: string
  kind: 'text' | 'code' | 'media' | 'number' | 'suffix' | 'coupon'
  label: string
  /** What stands in it as an example, or how it is given. */
  sample: string
  max: number
  isOptional: boolean
  /** What it belongs to. */
  group: string
}

export type Filling = Pick<Template, 'components' | 'category' | 'parameter_format'>

const CODE_MAX = 15
const COUPON_MAX = 20
const LINK_MAX = 2_000
const TEXT_MAX = 1_024
const HEADER_MAX = 60

export const isCode = ({ category }: Pick<Filling, 'category'>): boolean =>
  category?.toUpperCase() === 'AUTHENTICATION'

/** All blanks of a template in the order of the phone. Source: WhatsApp Cloud API, template messages. */
export function blanksOf(template: Filling): Blank[] {
  const parts = partsOf(template.components ?? [])
  // A code is typed once and sent twice: in the words and behind the button.
  if (isCode(template))
    return [text('b:1', { label: 'Code', sample: '123456', group: 'Text', kind: 'code' })]
  return [
    ...faceBlanks(parts, '', ''),
    ...parts.cards.flatMap((card, n) => faceBlanks(card, `${n}.`, `Card ${n + 1}: `)),
  ]
}

type Given = Partial<Omit<Blank, 'key'>> & Pick<Blank, 'label' | 'group'>
const text = (key: string, given: Given): Blank => ({
  key,
  kind: 'text',
  sample: '',
  max: given.kind === 'code' ? CODE_MAX : TEXT_MAX,
  isOptional: false,
  ...given,
})

function faceBlanks(parts: Parts, at: string, on: string): Blank[] {
  const { header, body, offer, buttons } = parts
  return [
    ...mediaBlanks(header, at, `${on}Header`),
    ...wordBlanks(header, `${at}h`, `${on}Header`, HEADER_MAX),
    ...(offer?.limited_time_offer?.has_expiration ? [ends(`${at}o`, `${on}Offer`)] : []),
    ...wordBlanks(body, `${at}b`, `${on}Text`, TEXT_MAX),
    ...buttons.flatMap((button, n) => buttonBlank(button, `${at}u:${n}`, `${on}Buttons`)),
  ]
}

const ends = (key: string, group: string): Blank =>
  text(key, { kind: 'number', label: 'Ends in how many hours', sample: '24', max: 4, group })

function wordBlanks(part: Component | undefined, at: string, group: string, max: number): Blank[] {
  const samples = samplesOf(part)
  return blanksIn(part?.text).map((name) =>
    text(`${at}:${name}`, { label: labelOf(name), sample: samples.get(name) ?? '', max, group }),
  )
}

/** `first_name` is a label as it is; a number is told by where it stands. */
function labelOf(name: string): string {
  if (/^\d+$/.test(name)) return `Blank ${name}`
  const words = name.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const FILES: Readonly<Record<string, string>> = {
  IMAGE: 'Picture',
  VIDEO: 'Video',
  GIF: 'Moving picture',
  DOCUMENT: 'Document',
}
const HOW = 'https://… or the id of an uploaded file'

function mediaBlanks(header: Component | undefined, at: string, group: string): Blank[] {
  const format = header?.format?.toUpperCase() ?? ''
  const file = FILES[format]
  if (format === 'LOCATION')
    return [
      text(`${at}m:latitude`, {
        kind: 'number',
        label: 'Latitude',
        sample: '-23.5614',
        max: 20,
        group,
      }),
      text(`${at}m:longitude`, {
        kind: 'number',
        label: 'Longitude',
        sample: '-46.6559',
        max: 20,
        group,
      }),
      text(`${at}m:name`, { label: 'Name of the place', max: 200, group }),
      text(`${at}m:address`, { label: 'Address', max: 200, group }),
    ]
  if (!file) return []
  const whole = text(`${at}m`, { kind: 'media', label: file, sample: HOW, max: LINK_MAX, group })
  const name = text(`${at}m:filename`, { label: 'File name', isOptional: true, max: 200, group })
  return format === 'DOCUMENT' ? [whole, name] : [whole]
}

function buttonBlank(button: Button, key: string, group: string): Blank[] {
  const { url = '', example: [sample = ''] = [] } = button
  const kind = button.type?.toUpperCase()
  if (kind === 'COPY_CODE')
    return [text(key, { kind: 'coupon', label: 'Code to copy', sample, max: COUPON_MAX, group })]
  if (kind !== 'URL' || blanksIn(url).length === 0) return []
  const before = url.slice(0, url.indexOf('{{'))
  const label = `“${button.text ?? ''}”: end of ${before}`
  const end = sample.replace(before, '')
  return [text(key, { kind: 'suffix', label, sample: end, max: LINK_MAX, group })]
}

const GOODS = new Set(['CATALOG', 'MPM', 'SPM', 'ORDER_DETAILS', 'ORDER_STATUS'])
/** Parts that are sent along without being filled in. */
const HARMLESS = new Set(['CALL_PERMISSION_REQUEST', 'TAP_TARGET_CONFIGURATION', ''])

/** Why a template cannot be sent from a conversation here, in a sentence; '' when it can. A program can send all of them. */
export function obstacleOf(template: Filling): string {
  if (template.components === null) return 'What it says was not read from Meta yet.'
  const parts = partsOf(template.components)
  const faces = [parts, ...parts.cards]
  const needsGoods = faces.some(
    ({ header, buttons }) =>
      header?.format?.toUpperCase() === 'PRODUCT' ||
      buttons.some(({ type = '' }) => GOODS.has(type.toUpperCase())),
  )
  if (needsGoods) return 'It shows products of a catalogue, which are chosen by a program only.'
  const odd = faces.flatMap(({ others }) => others).find((kind) => !HARMLESS.has(kind))
  return odd
    ? `It has a part that is not known here: ${odd.toLowerCase().replaceAll('_', ' ')}.`
    : ''
}
