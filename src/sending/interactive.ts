import { z } from 'zod'

const text = (max: number) => z.string().trim().min(1).max(max)
const frame = {
  header: z
    .looseObject({
      type: z.enum(['text', 'image', 'video', 'document']),
      text: text(60).optional(),
    })
    .optional(),
  footer: z.looseObject({ text: text(60) }).optional(),
}
const body = (max: number) => z.looseObject({ text: text(max) })

const Button = z.looseObject({
  type: z.literal('reply'),
  reply: z.looseObject({ id: text(256), title: text(20) }),
})
const Buttons = z.looseObject({
  type: z.literal('button'),
  ...frame,
  body: body(1_024),
  action: z.looseObject({
    buttons: z
      .array(Button)
      .min(1)
      .max(3)
      .refine((all) => new Set(all.map((b) => b.reply.title)).size === all.length, {
        message: 'Two buttons have the same title.',
      }),
  }),
})

const Row = z.looseObject({ id: text(200), title: text(24), description: text(72).optional() })
const Section = z.looseObject({ title: text(24).optional(), rows: z.array(Row).min(1).max(10) })
const List = z.looseObject({
  type: z.literal('list'),
  ...frame,
  body: body(4_096),
  action: z.looseObject({
    button: text(20),
    sections: z
      .array(Section)
      .min(1)
      .max(10)
      .refine((all) => all.reduce((n, section) => n + section.rows.length, 0) <= 10, {
        message: 'A list has at most 10 rows in all its sections.',
      })
      .refine((all) => all.length === 1 || all.every((section) => section.title), {
        message: 'Each of several sections needs a title.',
      }),
  }),
})

const CallToAction = z.looseObject({
  type: z.literal('cta_url'),
  ...frame,
  body: body(1_024),
  action: z.looseObject({
    name: z.literal('cta_url'),
    parameters: z.looseObject({
      display_text: text(20),
      url: z.url({ protocol: /^https?$/ }).max(2_000),
    }),
  }),
})

const Other = z.looseObject({
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
})

/** Messages with something to tap. Source: WhatsApp Cloud API, interactive messages, with its limits. */
export const Interactive = z.discriminatedUnion('type', [Buttons, List, CallToAction, Other])
