import { createHmac, timingSafeEqual } from 'node:crypto'
import { Queue } from 'bullmq'
import express from 'express'

/** The obvious receiver, as a floor to compare with: Express 5, express.raw, HMAC, one queue.add per request, then 200. */
const [, , port, url = '', prefix = '', secret = ''] = process.argv
const queue = new Queue('floor', { prefix, connection: { url } })
const app = express()

app.post('/webhook', express.raw({ type: 'application/json', limit: '4mb' }), async (req, res) => {
  const body = req.body as Buffer
  const expected = createHmac('sha256', secret).update(body).digest()
  const given = Buffer.from((req.get('x-hub-signature-256') ?? '').slice(7), 'hex')
  if (given.length !== 32 || !timingSafeEqual(expected, given)) {
    res.sendStatus(401)
    return
  }
  await queue.add('body', { body: body.toString('utf8') }, { removeOnComplete: true })
  res.sendStatus(200)
})
app.listen(Number(port), '127.0.0.1', () => process.stdout.write('ready\n'))
