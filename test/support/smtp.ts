import { createServer, type AddressInfo, type Socket } from 'node:net'

export type MailServer = {
  url: string
  /** Whole messages as they arrived, headers included. */
  received: string[]
  /** While true it takes no message. */
  refuse(on: boolean): void
  stop(): Promise<void>
}

/** A mail server that speaks just enough SMTP to take what nodemailer sends. */
export async function startMailServer(): Promise<MailServer> {
  const received: string[] = []
  let isRefusing = false
  const server = createServer((socket) => {
    serve(socket, (message) => {
      if (isRefusing) return '451 4.3.0 not now'
      received.push(message)
      return '250 2.0.0 taken'
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    refuse(on) {
      isRefusing = on
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function serve(socket: Socket, take: (message: string) => string): void {
  let text = ''
  let message: string[] | undefined
  socket.setEncoding('utf8').write('220 test\r\n')
  socket.on('error', () => undefined)
  socket.on('data', (chunk: string) => {
    text += chunk
    const lines = text.split('\r\n')
    text = lines.pop() ?? ''
    for (const line of lines) {
      if (message === undefined) {
        if (/^data$/i.test(line)) message = []
        socket.write(answerTo(line))
      } else if (line === '.') {
        socket.write(`${take(message.join('\n'))}\r\n`)
        message = undefined
      } else {
        message.push(line)
      }
    }
    return undefined
  })
}

function answerTo(line: string): string {
  if (/^data$/i.test(line)) return '354 go on\r\n'
  if (/^quit$/i.test(line)) return '221 bye\r\n'
  return '250 fine\r\n'
}
