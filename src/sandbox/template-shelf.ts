import { z } from 'zod'

/** A template of a business account at the stand-in, as Graph gives it. */
export const ShelfTemplate = z.object({
  id: z.string(),
  name: z.string(),
  language: z.string(),
  category: z.string(),
  status: z.string(),
  parameter_format: z.enum(['POSITIONAL', 'NAMED']),
  components: z.array(z.looseObject({ type: z.string() })),
  quality: z.string(),
  rejected_reason: z.string(),
  /** Made or edited here, and not decided on yet. */
  isNew: z.boolean().optional(),
})
export type ShelfTemplate = z.infer<typeof ShelfTemplate>

type Draft = Partial<ShelfTemplate> & Pick<ShelfTemplate, 'name' | 'components'>

const shelved = (draft: Draft, n: number): ShelfTemplate => ({
  id: String(700_000_000_000_001 + n),
  language: 'en',
  category: 'UTILITY',
  status: 'APPROVED',
  parameter_format: 'POSITIONAL',
  quality: 'GREEN',
  rejected_reason: 'NONE',
  ...draft,
})

const body = (text: string, ...examples: string[]) => ({
  type: 'BODY',
  text,
  ...(examples.length > 0 ? { example: { body_text: [examples] } } : {}),
})
const named = (text: string, examples: Record<string, string>) => ({
  type: 'BODY',
  text,
  example: {
    body_text_named_params: Object.entries(examples).map(([param_name, example]) => ({
      param_name,
      example,
    })),
  },
})
const media = (format: string) => ({
  type: 'HEADER',
  format,
  ...(format === 'LOCATION' ? {} : { example: { header_handle: [`4::${format.toLowerCase()}`] } }),
})
const footer = (text: string) => ({ type: 'FOOTER', text })
const buttons = (...given: object[]) => ({ type: 'BUTTONS', buttons: given })
const reply = (text: string) => ({ type: 'QUICK_REPLY', text })
const link = (text: string, url: string, ...example: string[]) => ({
  type: 'URL',
  text,
  url,
  ...(example.length > 0 ? { example } : {}),
})
const SHOP = 'https://first-fashion.example'

const ORDERS: Draft[] = [
  {
    name: 'order_ready',
    parameter_format: 'NAMED',
    components: [
      { type: 'HEADER', format: 'TEXT', text: 'Your order is ready' },
      named('Hi {{first_name}}, your order {{order_no}} can be picked up at *Rua Augusta 1200*.', {
        first_name: 'Ana',
        order_no: 'A-77',
      }),
      footer('Answer STOP to get no more notices'),
      buttons(
        link('See the order', `${SHOP}/orders/{{1}}`, `${SHOP}/orders/A-77`),
        reply('I need help'),
      ),
    ],
  },
  {
    name: 'appointment_tomorrow',
    language: 'pt_BR',
    components: [
      body('Olá {{1}}, esperamos você amanhã às {{2}} para a sua prova.', 'Ana', '10:00'),
      buttons(reply('Confirmo'), reply('Preciso mudar')),
    ],
  },
  {
    name: 'invoice',
    components: [
      media('DOCUMENT'),
      body('Thank you, {{1}}. Here is the invoice of {{2}}.', 'Ana', '3 October'),
    ],
  },
  {
    name: 'login_code',
    category: 'AUTHENTICATION',
    components: [
      {
        type: 'BODY',
        text: '*{{1}}* is your verification code. For your security, do not share this code.',
        add_security_recommendation: true,
        example: { body_text: [['123456']] },
      },
      { type: 'FOOTER', text: 'This code expires in 10 minutes.', code_expiration_minutes: 10 },
      buttons(
        link(
          'Copy code',
          'https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}',
          'https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp123456',
        ),
      ),
    ],
  },
]

const NEWS: Draft[] = [
  {
    name: 'new_arrivals',
    category: 'MARKETING',
    quality: 'YELLOW',
    components: [
      media('IMAGE'),
      body('{{1}}, the _autumn coats_ are here: from {{2}}.', 'Ana', '€ 89'),
      footer('First Fashion'),
      buttons(link('Look', `${SHOP}/coats`), reply('Stop promotions')),
    ],
  },
  {
    name: 'coupon',
    category: 'MARKETING',
    components: [
      body('A thank-you for you: {{1}} off everything until Sunday.', '20 %'),
      buttons(
        { type: 'COPY_CODE', example: ['AUTUMN20'] },
        { type: 'PHONE_NUMBER', text: 'Call the shop', phone_number: '+15550100' },
      ),
    ],
  },
  {
    name: 'coats_to_choose',
    category: 'MARKETING',
    components: [
      body('{{1}}, which one?', 'Ana'),
      {
        type: 'CAROUSEL',
        cards: ['wool', 'rain'].map((coat) => ({
          components: [
            media('IMAGE'),
            body(`The ${coat} coat, {{1}}.`, '€ 129'),
            buttons(
              reply(`Keep me the ${coat} coat`),
              link('See it', `${SHOP}/${coat}/{{1}}`, `${SHOP}/${coat}/7`),
            ),
          ],
        })),
      },
    ],
  },
  {
    name: 'weekend_offer',
    category: 'MARKETING',
    components: [
      {
        type: 'LIMITED_TIME_OFFER',
        limited_time_offer: { text: 'Ends soon', has_expiration: true },
      },
      body('{{1}}, this weekend only.', 'Ana'),
      buttons(
        { type: 'COPY_CODE', example: ['WEEKEND'] },
        link('Shop', `${SHOP}/sale?for={{1}}`, `${SHOP}/sale?for=ana`),
      ),
    ],
  },
  {
    name: 'we_moved',
    category: 'MARKETING',
    components: [media('LOCATION'), body('We moved around the corner. Come and see.')],
  },
  {
    name: 'from_the_catalogue',
    category: 'MARKETING',
    components: [
      body('Everything new stands in our catalogue.'),
      buttons({ type: 'CATALOG', text: 'View catalogue' }),
    ],
  },
]

const STOPPED: Draft[] = [
  {
    name: 'size_survey',
    status: 'PENDING',
    quality: 'UNKNOWN',
    components: [body('How did it fit?'), buttons(reply('Too small'), reply('Too large'))],
  },
  {
    name: 'buy_now',
    category: 'MARKETING',
    status: 'REJECTED',
    quality: 'UNKNOWN',
    rejected_reason: 'TAG_CONTENT_MISMATCH',
    components: [body('Last chance to buy, today only.')],
  },
  {
    name: 'flash_sale',
    category: 'MARKETING',
    status: 'PAUSED',
    quality: 'RED',
    components: [body('Everything half price, {{1}}.', 'Ana')],
  },
]

/** What a new number's account has: a template of each shape, and of each state that people meet. */
export const firstTemplates = (): ShelfTemplate[] =>
  [...ORDERS, ...NEWS, ...STOPPED].map((draft, n) => shelved(draft, n))
