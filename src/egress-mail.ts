import { createTransport } from 'nodemailer'
import { isThisMachine } from './door.ts'

/** One mail to one person, in plain text. */
export type Outgoing = {
  from: string
  to: string
  subject: string
  text: string
  messageId: string
  /** More lines of its head, by name. */
  headers?: Readonly<Record<string, string>>
}

const PATIENCE_MS = 20_000

/**
 * Hands a mail to the server at `url`, over TLS unless the server is this machine, and answers its size in bytes.
 * Rejects when the server did not take it, or offers no TLS although `needsTls`.
 */
export async function sendMail(
  url: string,
  { to, ...mail }: Outgoing,
  { needsTls }: { needsTls: boolean },
): Promise<number> {
  const transport = createTransport({
    url,
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    requireTLS: needsTls && !isThisMachine(new URL(url).hostname),
  })
  try {
    const { messageSize } = await transport.sendMail({ ...mail, to: { name: '', address: to } })
    return messageSize ?? Buffer.byteLength(mail.text)
  } finally {
    transport.close()
  }
}
