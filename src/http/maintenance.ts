import type { IncomingMessage, ServerResponse } from 'node:http'

const SAYS = 'A backup is being restored. Come back in some minutes; what WhatsApp delivers waits.'
const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Maintenance · ChatFlow CRM</title></head><body><main><h1>One moment</h1><p>${SAYS}</p></main></body></html>
`

/** Everything but the check that the process lives: nobody reads or writes what has not been purged again yet. */
export function answerMaintenance(req: IncomingMessage, res: ServerResponse): void {
  const isPage = req.headers.accept?.includes('text/html') ?? false
  res.writeHead(503, {
    'Content-Type': isPage ? 'text/html; charset=utf-8' : 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Retry-After': '30',
    Connection: 'close',
  })
  res.end(isPage ? PAGE : JSON.stringify({ status: 'maintenance', detail: SAYS }))
  // What is still being sent is not wanted.
  req.resume()
}
