import type { Message } from '../messages/messages.ts'

/** What is told of a message of ours; the rest is as usual. */
export type Ours = Partial<Message> & Pick<Message, 'kind' | 'status'>

const text = (words: string, status: Message['status'], more: Partial<Message> = {}): Ours => ({
  kind: 'text',
  text: words,
  status,
  ...more,
})

/** What the business says, in every state a message can be in. */
export const OURS: Ours[] = [
  text('O frete para Campinas sai por R$ 18,90 e chega na quinta.', 'read'),
  text('Levando os dois, o frete é por nossa conta 🎁', 'delivered'),
  text('Posso mandar o link de pagamento?', 'sent'),
  text('Um momento', 'queued'),
  text('Reservei o P azul no seu nome até sexta.', 'unknown'),
  text('Tudo certo por aí?', 'failed', { error_code: '131047' }),
  text('A nova coleção chegou', 'failed', { error_code: '131049' }),
  text('Esquece, mandei errado', 'cancelled'),
  {
    kind: 'interactive',
    status: 'read',
    text: 'Confirma terça às 10:00?',
    payload: {
      interactive: {
        type: 'button',
        action: {
          buttons: ['Confirmar', 'Mudar'].map((title) => ({
            type: 'reply',
            reply: { id: title, title },
          })),
        },
      },
    },
  },
  {
    kind: 'template',
    status: 'delivered',
    payload: { template: { name: 'order_on_its_way', language: { code: 'pt_BR' } } },
  },
  {
    kind: 'image',
    status: 'read',
    text: 'Assim fica o P',
    payload: { image: { link: 'https://loja.example/p.jpg', caption: 'Assim fica o P' } },
  },
  {
    kind: 'location',
    status: 'read',
    payload: {
      location: {
        latitude: -23.56728,
        longitude: -46.69319,
        name: 'Loja de Pinheiros',
        address: 'Rua dos Pinheiros, 100',
      },
    },
  },
  {
    kind: 'contacts',
    status: 'sent',
    payload: {
      contacts: [
        { name: { formatted_name: 'Leo Martins' }, phones: [{ phone: '+55 11 90000-0000' }] },
      ],
    },
  },
]
