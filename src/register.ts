import { isThisMachine, type Host, type Processor } from './door.ts'

const META_MEDIA = ['fbcdn.net', 'fbsbx.com', 'whatsapp.net']
const FIRST = { publishedOn: '2026-02-13', effectiveOn: '2026-02-13' } as const
const OPERATOR = {
  place: 'where the operator of this installation runs it',
  basis: 'the operator’s own contract',
  contract: 'between the operator and the provider',
} as const
const EVERYTHING = [
  'identity',
  'contact_detail',
  'content',
  'message_metadata',
  'usage',
  'preference',
  'network',
  'audit',
  'system',
] as const

/**
 * Everybody outside that an installation can reach. The door opens for nobody else, and the public list shows all of
 * them. Source: privacy policy §5, "third-party service providers only as necessary"; promises P34 and P35.
 */
export const REGISTER: readonly Processor[] = [
  {
    ...FIRST,
    id: 'meta',
    name: 'Meta Platforms (WhatsApp Business Platform)',
    role: 'sub-processor; for the network itself, its security and its own terms Meta decides alone',
    does: 'carries WhatsApp messages between an organization and its customers',
    place: 'worldwide, the United States and the European Union among them',
    categories: ['content', 'contact_detail', 'message_metadata', 'credential', 'system'],
    basis: 'Meta’s data transfer addendum with the organization that owns the number',
    contract: 'WhatsApp Business terms, between the organization and Meta',
    deletion:
      'webhooks are ended and the token is destroyed when a number is disconnected or the organization deleted',
    keeps: 'as Meta’s terms with the organization say',
    hosts: ({ GRAPH_API_URL }) => [
      graphHost(GRAPH_API_URL),
      ...META_MEDIA.map((name) => ({
        name,
        port: 443,
        covers: 'subdomains' as const,
        isTyped: false,
      })),
    ],
    uses: [
      {
        purpose: 'send_message',
        carries: ['content', 'contact_detail', 'message_metadata', 'credential'],
        timeoutMs: 15_000,
        maxBytes: 1_048_576,
      },
      {
        purpose: 'check_connection',
        carries: ['contact_detail', 'credential'],
        timeoutMs: 15_000,
        maxBytes: 1_048_576,
      },
      {
        purpose: 'manage_templates',
        carries: ['content', 'contact_detail', 'credential'],
        timeoutMs: 15_000,
        maxBytes: 8_388_608,
      },
      {
        purpose: 'end_subscription',
        carries: ['contact_detail', 'credential'],
        timeoutMs: 15_000,
        maxBytes: 1_048_576,
      },
      { purpose: 'check_installation', carries: [], timeoutMs: 15_000, maxBytes: 1_048_576 },
      {
        purpose: 'fetch_media',
        carries: ['system', 'credential'],
        timeoutMs: 120_000,
        maxBytes: 104_857_600,
      },
      {
        purpose: 'send_file',
        carries: ['content', 'credential'],
        timeoutMs: 120_000,
        maxBytes: 1_048_576,
      },
    ],
  },
  {
    ...FIRST,
    ...OPERATOR,
    id: 'mail',
    name: 'Mail server',
    role: 'sub-processor',
    does: 'delivers invitations, links and notices to people with an account',
    categories: ['identity', 'contact_detail', 'content'],
    deletion: 'as the operator has agreed with the provider',
    keeps: 'a mail that is sent is emptied here at once; the provider keeps its log as agreed',
    hosts: ({ SMTP_URL }) => typed(SMTP_URL?.reveal('send_mail'), { 'smtp:': 587, 'smtps:': 465 }),
    uses: [
      {
        purpose: 'send_mail',
        carries: ['identity', 'contact_detail', 'content'],
        timeoutMs: 60_000,
        maxBytes: 65_536,
      },
    ],
  },
  {
    ...FIRST,
    ...OPERATOR,
    id: 'database',
    name: 'Database host',
    role: 'hosting',
    does: 'keeps the tables; credentials, raw webhooks and exports in them are sealed by the application',
    categories: [...EVERYTHING, 'secret', 'credential'],
    deletion: 'rows are removed by the application; the host’s copies expire with its backups',
    keeps: 'as long as the manifest says; backups 14 days unless the operator says less',
    hosts: ({ DATABASE_URL }) => elsewhere(typed(DATABASE_URL, { 'postgres:': 5432 })),
    uses: [],
  },
  {
    ...FIRST,
    ...OPERATOR,
    id: 'queue',
    name: 'Queue host (Redis)',
    role: 'hosting',
    does: 'holds work that waits: ids, and webhooks sealed before they arrive there',
    categories: ['content', 'usage', 'system'],
    deletion:
      'jobs of a deleted organization are removed; what was sealed cannot be opened any more',
    keeps: 'finished jobs 30 minutes, failed ones 7 days',
    hosts: ({ REDIS_URL }) => elsewhere(typed(REDIS_URL, { 'redis:': 6379, 'rediss:': 6379 })),
    uses: [],
  },
  {
    ...FIRST,
    ...OPERATOR,
    id: 'media_store',
    name: 'Object store for files',
    role: 'hosting',
    does: 'keeps files of messages, sealed with the organization’s key before they leave',
    categories: ['content'],
    deletion: 'files are removed with the message, and cannot be opened once the key is destroyed',
    keeps: 'as long as the message it belongs to',
    hosts: ({ MEDIA_URL }) => objectStore(MEDIA_URL),
    uses: [],
  },
]

/** The origin the product comes with has to be a public one; one that was typed in may be anything. */
function graphHost(url: string): Host {
  const { hostname: name, port, protocol } = new URL(url)
  const isTyped = url !== 'https://graph.facebook.com'
  return { name, port: Number(port) || (protocol === 'http:' ? 80 : 443), isTyped }
}

function typed(url: string | undefined, ports: Record<string, number>): Host[] {
  if (url === undefined || !URL.canParse(url)) return []
  const { hostname: name, port, protocol } = new URL(url)
  const usual = ports[protocol] ?? Object.values(ports)[0] ?? 0
  return name === '' ? [] : [{ name, port: Number(port) || usual, isTyped: true }]
}

function objectStore(url: string): Host[] {
  const [, query] = /^s3:\/\/[^?]*\??(.*)$/.exec(url) ?? []
  if (query === undefined) return []
  const endpoint = new URLSearchParams(query).get('endpoint') ?? 'https://s3.amazonaws.com'
  return typed(endpoint, { 'https:': 443, 'http:': 80 })
}

/** This very machine is nobody else. */
const elsewhere = (hosts: Host[]): Host[] => hosts.filter(({ name }) => !isThisMachine(name))
