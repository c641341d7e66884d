type Loose = Record<string, unknown>

/** An item of a webhook as WhatsApp would send it, without its id and time, and what later rows would say of it. */
export type Sample = { field: string; list: string; item: Loose; id?: string }
export type Section = { id: string; title: string; hint: string; samples: Sample[] }

export const CUSTOMER = '5511987654321'
export const BUSINESS = '15550100'

const said = (type: string, content: unknown, more: Loose = {}): Sample => ({
  field: 'messages',
  list: 'messages',
  item: { from: CUSTOMER, type, [type]: content, ...more },
})
const named = (id: string, sample: Sample): Sample => ({ ...sample, id })
const text = (body: string, more: Loose = {}): Sample => said('text', { body }, more)
const chosen = (type: string, content: object): Sample =>
  said(
    'interactive',
    { type, [type]: content },
    { context: { from: BUSINESS, id: 'wamid.question' } },
  )
const odd = (type: string | undefined, code = 131051): Sample =>
  said('unsupported', type ? { type } : undefined, {
    errors: [{ code, title: 'Message type unknown' }],
  })
const call = (id: string, item: Loose): Sample => ({
  field: 'calls',
  list: 'calls',
  id,
  item: { from: CUSTOMER, to: BUSINESS, direction: 'USER_INITIATED', ...item },
})
const called = (id: string, item: Loose): Sample => call(id, { event: 'connect', ...item })
const hungUp = (id: string, item: Loose): Sample => call(id, { event: 'terminate', ...item })
const echo = (type: string, content: object): Sample => ({
  field: 'smb_message_echoes',
  list: 'message_echoes',
  item: { from: BUSINESS, to: CUSTOMER, type, [type]: content },
})

const AD = {
  source_type: 'ad',
  source_id: '120001',
  source_url: 'https://fb.me/linen',
  headline: 'Linen for warm days',
  body: 'Write to us for your size.',
  media_type: 'image',
  ctwa_clid: 'ARx9',
}

/** What a customer can say. Names, numbers and orders are made up. */
export const THEIRS: Section[] = [
  {
    id: 'words',
    title: 'Words',
    hint: 'Texts with links, quotes, reactions, ads and forwards, in any script.',
    samples: [
      text('Oi! Vi o anúncio de vocês', { referral: AD }),
      named(
        'wamid.first',
        text('Vocês têm o vestido azul no P? https://loja.example/vestido-azul'),
      ),
      said('reaction', { message_id: 'wamid.first', emoji: '❤️' }),
      text('Esse aqui', { context: { from: CUSTOMER, id: 'wamid.first' } }),
      text('E este?', { context: { from: BUSINESS, id: 'wamid.long-gone' } }),
      text('Olha o que a Bia me mandou', { context: { forwarded: true } }),
      text('Corrente da sorte 🍀', { context: { frequently_forwarded: true } }),
      text('Esse vestido ainda tem?', {
        context: {
          from: BUSINESS,
          id: 'wamid.product',
          referred_product: { catalog_id: '1', product_retailer_id: 'LINEN-42' },
        },
      }),
      text('مرحبا، هل المقاس ٣٨ متوفر باللون الأزرق؟ 💙'),
      text('Pessoal, alguém já comprou aqui?', { group_id: 'Y2FwaV9ncm91cDox' }),
    ],
  },
  {
    id: 'files',
    title: 'Files',
    hint: 'Photos, videos, voice, documents and stickers.',
    samples: [
      said('image', {
        id: '1',
        mime_type: 'image/jpeg',
        sha256: 'x',
        caption: 'Chegou! Ficou lindo, mas o M ficou largo na cintura',
      }),
      said('video', { id: '2', mime_type: 'video/mp4', sha256: 'x' }),
      said('audio', { id: '3', mime_type: 'audio/ogg; codecs=opus', sha256: 'x', voice: true }),
      said('audio', { id: '4', mime_type: 'audio/mpeg', sha256: 'x', voice: false }),
      said('document', {
        id: '5',
        mime_type: 'application/pdf',
        sha256: 'x',
        filename: 'comprovante-de-pagamento-novembro-2026.pdf',
      }),
      said('sticker', { id: '6', mime_type: 'image/webp', sha256: 'x', animated: true }),
    ],
  },
  {
    id: 'choices',
    title: 'Choices, forms and orders',
    hint: 'What a customer picked, filled in or put into the basket.',
    samples: [
      said(
        'button',
        { payload: 'order:A-77:help', text: 'Preciso de ajuda' },
        { context: { from: BUSINESS, id: 'wamid.template' } },
      ),
      chosen('button_reply', { id: 'yes', title: 'Confirmar' }),
      chosen('list_reply', {
        id: 'slot:10',
        title: 'Terça, 10:00',
        description: 'Loja de Pinheiros',
      }),
      chosen('nfm_reply', {
        name: 'flow',
        body: 'Sent',
        response_json:
          '{"flow_token":"t1","tamanho":"P","retirada_na_loja":true,"email":"camila@example.com"}',
      }),
      chosen('call_permission_reply', { response: 'accept', expiration_timestamp: 1_800_000_000 }),
      said('order', {
        catalog_id: '1',
        text: 'Para presente, por favor',
        product_items: [
          { product_retailer_id: 'LINEN-42', quantity: 1, item_price: 418, currency: 'BRL' },
          { product_retailer_id: 'SCARF-7', quantity: 10, item_price: 0.1, currency: 'BRL' },
        ],
      }),
    ],
  },
  {
    id: 'places',
    title: 'Places and people',
    hint: 'Locations and contact cards; no map loads by itself.',
    samples: [
      said('location', {
        latitude: -23.56141,
        longitude: -46.65588,
        name: 'MASP',
        address: 'Av. Paulista, 1578, São Paulo',
      }),
      said('location', { latitude: -22.90556, longitude: -47.06083 }),
      said('contacts', [
        {
          name: { formatted_name: 'Beatriz Figueiredo' },
          phones: [{ phone: '+55 11 91234-5678', wa_id: '5511912345678' }],
          emails: [{ email: 'bia@example.com' }],
          org: { company: 'Ateliê Bia', title: 'Costureira' },
        },
        { name: { formatted_name: 'Mãe' }, phones: [] },
      ]),
    ],
  },
  {
    id: 'changed',
    title: 'Changed and deleted',
    hint: 'From numbers shared with the phone app. What was deleted for everyone is gone here, too.',
    samples: [
      named('wamid.edited', text('Quero o tamanho M')),
      said('edit', {
        original_message_id: 'wamid.edited',
        message: { type: 'text', text: { body: 'Quero o tamanho P' } },
      }),
      named('wamid.revoked', text('mensagem por engano')),
      said('revoke', { original_message_id: 'wamid.revoked' }),
      said('edit', {
        original_message_id: 'wamid.elsewhere',
        message: { type: 'text', text: { body: 'Na verdade, sexta' } },
      }),
      said('revoke', { original_message_id: 'wamid.elsewhere' }),
      said('reaction', { message_id: 'wamid.elsewhere', emoji: '👍🏽' }),
    ],
  },
  {
    id: 'odd',
    title: 'Kept back, or not known yet',
    hint: 'What WhatsApp does not hand over, and kinds younger than this version.',
    samples: [
      odd('poll_creation'),
      odd('view_once'),
      odd(undefined),
      odd(undefined, 131060),
      odd(undefined, 131052),
      said('hologram', { depth: 3 }),
      chosen('new_reply', { id: '1' }),
    ],
  },
  {
    id: 'events',
    title: 'What happened',
    hint: 'Lines of the conversation: calls, numbers, payments and wishes.',
    samples: [
      { field: 'messages', list: 'messages', item: { from: CUSTOMER, type: 'request_welcome' } },
      called('wacid.talk', {}),
      hungUp('wacid.talk', { status: 'COMPLETED', duration: 134 }),
      called('wacid.missed', {}),
      hungUp('wacid.missed', { status: 'FAILED' }),
      called('wacid.ours', { from: BUSINESS, to: CUSTOMER, direction: 'BUSINESS_INITIATED' }),
      {
        field: 'calls',
        list: 'statuses',
        id: 'wacid.ours',
        item: { type: 'call', status: 'REJECTED', recipient_id: CUSTOMER },
      },
      {
        field: 'user_preferences',
        list: 'user_preferences',
        item: { wa_id: CUSTOMER, category: 'marketing_messages', value: 'stop' },
      },
      {
        field: 'user_preferences',
        list: 'user_preferences',
        item: { wa_id: CUSTOMER, category: 'marketing_messages', value: 'resume' },
      },
      {
        field: 'messages',
        list: 'statuses',
        id: 'wamid.pay',
        item: {
          type: 'payment',
          status: 'captured',
          recipient_id: CUSTOMER,
          payment: {
            reference_id: 'pedido 10482',
            amount: { value: 41_900, offset: 100 },
            currency: 'BRL',
          },
        },
      },
      said('system', { type: 'user_changed_number', body: 'x', wa_id: '5511955551188' }),
      said('system', { type: 'customer_identity_changed', body: 'x' }),
      said('system', { type: 'user_changed_user_id', user_id: 'BR.2', previous_user_id: 'BR.1' }),
      said('system', { type: 'brand_new_notice' }),
    ],
  },
  {
    id: 'phone-app',
    title: 'From the phone app and others',
    hint: 'What was sent elsewhere on the same number, and what others handle.',
    samples: [
      echo('text', { body: 'Oi Camila, aqui é a Maya no celular' }),
      echo('image', {
        id: '9',
        mime_type: 'image/jpeg',
        sha256: 'x',
        caption: 'A vitrine de hoje',
      }),
      {
        field: 'message_echoes',
        list: 'message_echoes',
        item: {
          from: BUSINESS,
          to: CUSTOMER,
          type: 'text',
          text: { body: 'Seu pedido saiu para entrega.' },
        },
      },
      {
        field: 'standby',
        list: 'messages',
        item: { from: CUSTOMER, type: 'text', text: { body: 'Obrigada, robô!' } },
      },
      {
        field: 'history',
        list: 'history',
        item: {
          threads: [{ id: CUSTOMER, messages: [{ from: CUSTOMER, type: 'media_placeholder' }] }],
        },
      },
    ],
  },
]
