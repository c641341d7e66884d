import type { Place } from '../sandbox/people.ts'

export type Colleague = 'maya' | 'leo' | 'priya'

/** One thing said; `to` is the index of the message it quotes or reacts to. */
export type Said = {
  by: 'customer' | Colleague
  minutesAgo: number
  text: string
  kind?: 'image' | 'reaction'
  to?: number
  /** How far a reply came; read unless told. */
  status?: 'sent' | 'delivered' | 'failed'
}

/** A conversation of the demonstration; every person and every word in it is invented. */
export type Story = {
  name: string
  place: Place
  username?: string
  status?: 'resolved'
  assignee?: Colleague
  /** Customer messages that nobody has opened yet, counted from the end. */
  unread?: number
  said: Said[]
}

const customer = (minutesAgo: number, text: string, more: Partial<Said> = {}): Said => ({
  by: 'customer',
  minutesAgo,
  text,
  ...more,
})
const reply = (
  by: Colleague,
  minutesAgo: number,
  text: string,
  more: Partial<Said> = {},
): Said => ({ by, minutesAgo, text, ...more })

export const COLLEAGUES: Record<Colleague, { name: string; mailbox: string }> = {
  maya: { name: 'Maya Okafor', mailbox: 'maya' },
  leo: { name: 'Leo Martins', mailbox: 'leo' },
  priya: { name: 'Priya Nair', mailbox: 'priya' },
}

/** In the order of the inbox, the newest first. */
export const STORIES: Story[] = [
  {
    name: 'Lupita Robles',
    place: 'Mexico',
    assignee: 'maya',
    unread: 3,
    said: [
      customer(31, 'Hola, ¿tienen el vestido azul de la vitrina? 😍'),
      reply('maya', 27, '¡Hola Lupita! Sí, nos quedan dos en talla S y uno en M.'),
      customer(6, '¡Qué bien! ¿Me apartan uno en M?', { to: 1 }),
      customer(5, '¿Y puedo pasar mañana después de las 6?'),
      customer(4, 'Pago en efectivo 🙏'),
    ],
  },
  {
    name: 'Arjun Mehta',
    place: 'India',
    assignee: 'maya',
    said: [
      customer(74, 'नमस्ते, क्या नीला कुर्ता 42 में मिलेगा?'),
      reply('maya', 70, 'नमस्ते अर्जुन जी, कल शाम तक आ जाएगा। एक आपके लिए रख दूँ?'),
      customer(66, 'जी हाँ, धन्यवाद'),
      reply('maya', 64, 'हो गया। आते ही यहीं बताऊँगी।'),
      customer(63, '👍', { kind: 'reaction', to: 3 }),
    ],
  },
  {
    name: 'Beatriz Antunes',
    place: 'Brazil',
    unread: 1,
    said: [
      customer(118, 'Boa tarde! Vocês entregam em Campinas ainda esta semana? É para um presente.'),
    ],
  },
  {
    name: 'عائشة الفلاسي',
    place: 'United Arab Emirates',
    assignee: 'leo',
    said: [
      customer(205, 'السلام عليكم، متى يصل طلبي رقم A-1042؟'),
      reply('leo', 198, 'وعليكم السلام عائشة، خرج الطلب هذا الصباح ويصل غدًا قبل الظهر.'),
      customer(196, 'ممتاز، شكرًا جزيلًا'),
      reply('leo', 195, 'على الرحب والسعة. سنرسل لك رسالة عند التسليم.', {
        status: 'delivered',
      }),
    ],
  },
  {
    name: 'Noor',
    place: 'India',
    username: 'noor.designs',
    assignee: 'priya',
    said: [
      customer(322, 'Hi, I run a small boutique. Do you sell the linen line wholesale?'),
      reply('priya', 310, 'Hi Noor, we do, from 12 pieces. Which colours are you looking for?'),
      customer(301, 'Sand and olive, sizes 36 to 44'),
      reply('priya', 296, 'Both are in stock. I will put a price list together for you today.'),
    ],
  },
  {
    name: 'Thiago Prado',
    place: 'Brazil',
    assignee: 'leo',
    said: [
      customer(431, 'Oi, a camisa chegou com um botão solto. Dá para trocar?'),
      reply('leo', 420, 'Oi Thiago, claro que dá. Pode mandar uma foto do botão?'),
      customer(412, 'Camisa branca, punho esquerdo', { kind: 'image' }),
      reply('leo', 405, 'Obrigado! A nova sai amanhã, sem custo.', { status: 'failed' }),
    ],
  },
  {
    name: 'Jonas Weidner',
    place: 'Germany',
    status: 'resolved',
    assignee: 'priya',
    said: [
      customer(655, 'Guten Morgen, ich habe die Jacke in L zurückgeschickt. Ist sie angekommen?'),
      reply('priya', 640, 'Guten Morgen Herr Weidner, ja, heute früh. Das Geld ist unterwegs.'),
      customer(633, 'Das ging schnell, danke!', { to: 1 }),
      reply('priya', 631, 'Gerne! Einen schönen Tag noch.'),
    ],
  },
  {
    name: 'Chidinma Eze',
    place: 'Nigeria',
    assignee: 'maya',
    said: [
      customer(1_375, 'Good evening! Can this be made in green?', { kind: 'image' }),
      reply('maya', 1_366, 'Good evening Chidinma, yes: forest or mint. It takes about nine days.'),
      customer(1_352, 'Forest please. I will come back with my measurements.'),
    ],
  },
  {
    name: 'Harriet Cole',
    place: 'United Kingdom',
    assignee: 'leo',
    said: [
      customer(1_690, 'Hello, do you do gift cards?'),
      reply('leo', 1_684, 'Hello Harriet, we do: any amount from £20, on paper or by mail.'),
      customer(1_661, 'Lovely. I will have a think and write again.'),
    ],
  },
]
