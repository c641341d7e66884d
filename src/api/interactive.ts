import { z } from 'zod'
import { filled, link } from './fields.ts'

const file = z.strictObject({ link })
const header = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: filled(60) }),
  z.strictObject({ type: z.literal('image'), image: file }),
  z.strictObject({ type: z.literal('video'), video: file }),
  z.strictObject({
    type: z.literal('document'),
    document: z.strictObject({ link, filename: filled(240).optional() }),
  }),
])
const frame = {
  header: header.optional(),
  footer: z.strictObject({ text: filled(60) }).optional(),
}
const body = (max: number): z.ZodObject => z.strictObject({ text: filled(max) })

const button = z.strictObject({
  type: z.literal('reply'),
  reply: z.strictObject({ id: filled(256), title: filled(20) }),
})
const row = z.strictObject({
  id: filled(200),
  title: filled(24),
  description: filled(72).optional(),
})
const section = z.strictObject({ title: filled(24).optional(), rows: z.array(row).min(1).max(10) })

/** Messages with something to tap. Source: WhatsApp Cloud API, interactive messages, with its limits. */
export const interactive = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('button'),
    ...frame,
    body: body(1_024),
    action: z.strictObject({ buttons: z.array(button).min(1).max(3) }),
  }),
  z.strictObject({
    type: z.literal('list'),
    ...frame,
    body: body(4_096),
    action: z.strictObject({ button: filled(20), sections: z.array(section).min(1).max(10) }),
  }),
  z.strictObject({
    type: z.literal('cta_url'),
    ...frame,
    body: body(1_024),
    action: z.strictObject({
      name: z.literal('cta_url'),
      parameters: z.strictObject({ display_text: filled(20), url: link }),
    }),
  }),
  z.strictObject({
    type: z.enum([
      'location_request_message',
      'request_contact_info',
      'flow',
      'product',
      'product_list',
      'catalog_message',
      'carousel',
      'address_message',
    ]),
    ...frame,
    body: body(1_024).optional(),
    action: z.looseObject({}),
  }),
])
