import net from 'node:net'

/** One kept-alive connection that carries one request after the other. */
export type Wire = {
  /** Resolves with the status once the whole answer is here; 0 when the connection broke. */
  send(request: Buffer): Promise<number>
  close(): void
}

/**
 * The least that speaks HTTP/1.1: an ordinary client costs as much per request as the receiver it measures, on the
 * same two cores. It expects answers with a Content-Length.
 */
export async function openWire(port: number, host: string): Promise<Wire> {
  const socket = net.connect({ port, host, noDelay: true })
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  let resolve: ((status: number) => void) | undefined
  let seen = ''
  const settle = (status: number): void => {
    const done = resolve
    resolve = undefined
    seen = ''
    done?.(status)
  }
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1')
    if (isWhole(seen)) settle(Number(seen.slice(9, 12)))
  })
  socket.on('close', () => settle(0))
  socket.on('error', () => settle(0))
  return {
    send: (request) =>
      new Promise((done) => {
        resolve = done
        socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0)
  return answer.length >= end + 4 + length
}
