import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export type GraphCall = { to: string; ref: string; wamid: string }
export type FakeGraph = { url: string; calls: GraphCall[]; close(): void }

/** Any HTTP server can stand in for the Graph API: this one accepts every message and remembers it. */
export async function startGraph(): Promise<FakeGraph> {
  const calls: GraphCall[] = []
  const server = createServer(async (req, res) => {
    const body = (await readJson(req)) as { to?: string; biz_opaque_callback_data?: string }
    const wamid = `wamid.OUT${String(calls.length + 1).padStart(6, '0')}`
    const isSend = req.method === 'POST' && /^\/v\d+\.\d\/\d+\/messages$/.test(req.url ?? '')
    if (isSend) calls.push({ to: body.to ?? '', ref: body.biz_opaque_callback_data ?? '', wamid })
    res.writeHead(200, { 'content-type': 'application/json' })
    res.end(
      JSON.stringify(
        isSend
          ? {
              messaging_product: 'whatsapp',
              contacts: [{ input: body.to, wa_id: body.to }],
              messages: [{ id: wamid }],
            }
          : { success: true },
      ),
    )
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as unknown
}
