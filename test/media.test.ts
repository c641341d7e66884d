import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { rows } from '../src/db.ts'
import { fetchMedia } from '../src/media/fetching.ts'
import { removeUnused } from '../src/media/removal.ts'
import { agreedType, dimensionsOf } from '../src/media/sniff.ts'
import { DAY_MS } from '../src/privacy/limits.ts'
import { picture } from '../src/sandbox/samples.ts'
import { BACKENDS, startApp, type Backend } from './support/app.ts'
import { startGraph } from './support/graph.ts'
import { arrive, read } from './support/inbound.ts'
import {
  fileOf,
  filesOf,
  folderOf,
  LONG,
  newFile,
  PHOTO,
  theySend,
  useMedia,
} from './support/media.ts'
import { member } from './support/member.ts'
import { messageOf, messagesBody, newCustomer, seconds } from './support/meta.ts'
import { until } from './support/until.ts'

const hands = useMedia()

describe.each(BACKENDS)('a file that a customer sends, queues in %s', (backend: Backend) => {
  test('is fetched by the worker, kept sealed, and handed out to its organization', async () => {
    const { graph } = hands
    const app = await startApp({ backend, env: { GRAPH_API_URL: graph.url } })
    const org = await app.org()
    const message = await theySend({ app, graph }, org, 'audio', {
      file: LONG,
      more: { voice: true },
    })
    const file = await until(async () => {
      const found = await fileOf(app.on, org, message)
      return found.status === 'stored' && found
    })
    expect(graph.files.calls.map(({ what }) => what)).toEqual(['ask', 'fetch'])
    expect(graph.files.calls.every(({ token }) => token === org.connection.accessToken)).toBe(true)
    expect(file).toMatchObject({
      mime: 'audio/ogg',
      size: LONG.bytes.length,
      sha256: createHash('sha256').update(LONG.bytes).digest('hex'),
    })
    const [place = '', ...others] = filesOf(app.on, org)
    expect(others).toEqual([])
    const kept = readFileSync(place, 'latin1')
    expect(kept.split('\n').map((line) => line.slice(0, 4))).toEqual(['v1.d', 'v1.d', 'v1.d', ''])

    const agent = await member(app, org, 'agent')
    const whole = await agent.get(`/media/${file.id}`)
    expect(Buffer.from(await whole.arrayBuffer()).equals(LONG.bytes)).toBe(true)
    await app.stop()
  })
})

describe('with hands on the clock', () => {
  test('whatever goes wrong on the way, it is there in the end', async () => {
    const { app, graph } = hands
    const org = await app.org()
    const message = await theySend(hands, org, 'image', { file: PHOTO })
    const { odd } = graph.files
    const hiccups: [set: () => void, error: string][] = [
      [() => odd.fetch.push({ status: 200, body: 'something else' }), 'wrong_hash'],
      [() => odd.ask.push({ status: 503 }), 'status_503'],
      [() => odd.ask.push({ status: 401, body: '{"error":{"code":190}}' }), 'credentials'],
      [() => odd.ask.push({ status: 400, body: '{"error":{"code":100}}' }), 'not_there'],
      [() => odd.fetch.push('cut'), 'broken_off'],
      [() => odd.fetch.push({ status: 404 }, { status: 404 }), 'address_over'],
      [() => odd.fetch.push({ status: 302, headers: { location: graph.url } }), 'redirected'],
    ]
    for (const [n, [set, error]] of hiccups.entries()) {
      set()
      expect(await hands.tryOnce(org, message)).toMatchObject({
        status: 'pending',
        error,
        attempts: n + 1,
      })
      expect(filesOf(app.on, org)).toEqual([])
      // Nobody tries again before it is time.
      await fetchMedia(app.on, { org: org.id, id: (await fileOf(app.on, org, message)).id })
      expect((await fileOf(app.on, org, message)).attempts).toBe(n + 1)
    }
    expect(await hands.tryOnce(org, message)).toMatchObject({
      status: 'stored',
      width: 40,
      height: 30,
    })
    // An address that is over on the way is asked for anew in the same breath.
    odd.fetch.push({ status: 404 })
    expect(await hands.fetched(org, 'image', PHOTO)).toMatchObject({
      status: 'stored',
      attempts: 1,
    })
  })

  test('the token goes to no other host, and to none by a redirect', async () => {
    const { app } = hands
    const org = await app.org()
    const other = await startGraph()
    const away = { ...PHOTO, url: `${other.url}/bytes/7` }
    expect(await hands.fetched(org, 'image', away)).toMatchObject({
      status: 'pending',
      error: 'foreign_host',
    })
    expect([other.calls, other.files.calls]).toEqual([[], []])
    await other.stop()
  })

  test('says when it is gone for good, and why', async () => {
    const { app, graph } = hands
    const org = await app.org()
    const old = { at: new Date(app.on.now().getTime() - 8 * DAY_MS) }
    const gone = await theySend(hands, org, 'image', old)
    graph.files.odd.ask.push({ status: 404 })
    expect(await hands.tryOnce(org, gone)).toMatchObject({ status: 'expired', error: 'not_there' })

    const large = { ...PHOTO, size: 17_000_000 }
    expect(await hands.fetched(org, 'image', large)).toMatchObject({ status: 'refused' })
    const silent = { bytes: Buffer.alloc(1_100_000, 'RIFF'), mime: 'image/webp', size: 100 }
    expect(await hands.fetched(org, 'sticker', silent)).toMatchObject({ status: 'refused' })

    const file = { ...PHOTO, sha256: 'a'.repeat(64) }
    const wrong = await theySend(hands, org, 'image', { file })
    for (let n = 0; n < 6; n += 1) await hands.tryOnce(org, wrong)
    expect(await fileOf(app.on, org, wrong)).toMatchObject({
      status: 'failed',
      error: 'wrong_hash',
    })
    expect(filesOf(app.on, org)).toEqual([])
    // A person may ask for it once more.
    file.sha256 = createHash('sha256').update(PHOTO.bytes).digest('hex')
    const agent = await member(app, org, 'agent')
    const { id } = await fileOf(app.on, org, wrong)
    expect((await agent.post(`/media/${id}/fetching`)).status).toBe(303)
    expect(await hands.tryOnce(org, wrong)).toMatchObject({ status: 'stored', attempts: 1 })
    expect((await agent.post(`/media/${id}/fetching`)).status).toBe(404)
  })

  test('a process that dies leaves nothing that the next one does not find', async () => {
    const { app } = hands
    const org = await app.org()
    const message = await theySend(hands, org, 'image', { file: PHOTO })
    const { id } = await fileOf(app.on, org, message)
    const left = path.join(folderOf(app.on, org), '2026-11', 'left')
    mkdirSync(path.dirname(left), { recursive: true })
    writeFileSync(left, 'v1.half')
    const dies = `update media set status = 'fetching', attempts = 1, location = '2026-11/left', due_at = ?
                   where org_id = ? and id = ?`
    await app.on.db.withTenant(org.id, (tx) =>
      rows(tx, dies, [new Date(app.on.now().getTime() + 60_000), org.id, id]),
    )
    await fetchMedia(app.on, { org: org.id, id })
    expect(await fileOf(app.on, org, message)).toMatchObject({ status: 'fetching' })
    hands.later(61_000)
    expect(await hands.tryOnce(org, message)).toMatchObject({ status: 'stored', attempts: 2 })
    expect(existsSync(left)).toBe(false)
    expect(filesOf(app.on, org)).toHaveLength(1)
  })

  test('a message that is taken back takes its file along', async () => {
    const { app, graph } = hands
    const org = await app.org()
    const from = newCustomer()
    const at = { timestamp: seconds(app.on.now()) }
    const image = messageOf(from, '', {
      ...at,
      type: 'image',
      image: { id: newFile(graph, PHOTO) },
    })
    await arrive(app.on, org, messagesBody(org.connection, from, image))
    const [row] = await read<{ id: string; message_id: string }>(
      app.on,
      org,
      'select id, message_id from media where org_id = :org',
    )
    expect(await hands.tryOnce(org, row?.message_id ?? '')).toMatchObject({ status: 'stored' })
    const revoke = { original_message_id: image['id'] }
    const taken = messageOf(from, '', { ...at, type: 'revoke', revoke })
    await arrive(app.on, org, messagesBody(org.connection, from, taken))
    const agent = await member(app, org, 'agent')
    expect((await agent.get(`/media/${row?.id}`)).status).toBe(404)
    expect(await removeUnused(app.on, org.id)).toBe(1)
    expect(filesOf(app.on, org)).toEqual([])
    expect(await read(app.on, org, 'select id from media where org_id = :org')).toEqual([])
  })
})

test('types are told by their bytes, and pictures by their size', () => {
  const jpeg = Buffer.from('ffd8ffe000040000ffc0001108012c0190030111000211010311010000', 'hex')
  expect(dimensionsOf('image/jpeg', jpeg)).toEqual({ width: 400, height: 300 })
  const vp8x = Buffer.concat([
    Buffer.from('RIFF0000WEBPVP8X'),
    Buffer.from('0a000000000000000f00001f000000', 'hex'),
  ])
  expect(dimensionsOf('image/webp', vp8x)).toEqual({ width: 16, height: 32 })
  expect(dimensionsOf('image/png', picture(3, 2).subarray(0, 20))).toBeUndefined()
  const zip = Buffer.from('504b0304', 'hex')
  const sheet = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
  expect(
    [
      ['image/jpeg; x=1', jpeg],
      ['image/png', jpeg],
      [sheet, zip],
      ['text/csv', Buffer.from('a;b')],
      ['text/html', Buffer.from('a')],
      ['video/mp4', Buffer.from('0000ftypM4A ')],
    ].map(([mime, head]) => agreedType(mime as string, head as Buffer)),
  ).toEqual([
    'image/jpeg',
    'application/octet-stream',
    sheet,
    'text/csv',
    'application/octet-stream',
    'video/mp4',
  ])
})
