import { request } from 'node:http'
import { removeUnused } from '../src/media/removal.ts'
import { SAMPLES } from '../src/sandbox/samples.ts'
import { useDesk } from './support/desk.ts'
import { read } from './support/inbound.ts'
import { filesOf, PHOTO } from './support/media.ts'
import { member, type Member } from './support/member.ts'
import type { Org } from './support/org.ts'
import { program, type Program } from './support/program.ts'
import { openTalk, type Talk } from './support/talk.ts'
import { until } from './support/until.ts'

const desk = useDesk()
let org: Org
let talk: Talk
let api: Program
let agent: Member
beforeEach(async () => {
  org = await desk.app.org()
  talk = await openTalk(desk.app.on, org)
  api = await program(desk.app, org)
  agent = await member(desk.app, org, 'agent')
  for (const list of Object.values(desk.graph.files.odd)) list.splice(0)
  desk.graph.files.uploads.splice(0)
})

const formOf = (bytes: Buffer, name: string, more: Record<string, string> = {}): FormData => {
  const form = new FormData()
  form.append('file', new File([new Uint8Array(bytes)], name))
  for (const [field, value] of Object.entries(more)) form.append(field, value)
  return form
}
type Json = Record<string, unknown>
async function upload(bytes: Buffer, name = 'photo.png'): Promise<{ status: number; body: Json }> {
  const answer = await fetch(`${desk.app.url}/api/v1/media`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.key}` },
    body: formOf(bytes, name),
  })
  return { status: answer.status, body: (await answer.json()) as Json }
}
const send = (body: object): ReturnType<Program['send']> =>
  api.send('POST', `/conversations/${talk.id}/messages`, body)
const voice = SAMPLES.audio().bytes

describe('a program', () => {
  test('uploads a file once and sends it often; WhatsApp gets the bytes, and the message by its id', async () => {
    const { status, body: file } = await upload(PHOTO.bytes)
    expect([status, file]).toMatchObject([
      201,
      { kind: 'image', mime: 'image/png', size: PHOTO.bytes.length, name: 'photo.png' },
    ])
    const context = { message_id: 'wamid.question' }
    const image = { id: file['id'], caption: 'In blue' }
    const sent = await send({ type: 'image', image, context })
    expect(sent.status).toBe(202)
    const { media, text, payload } = sent.body as { media: Json; text: string; payload: object }
    expect([text, media['status'], media['size']]).toEqual(['In blue', 'stored', file['size']])
    expect(payload).toEqual({ image: { id: media['id'], caption: 'In blue' } })
    await desk.drained(talk)
    const { uploads } = desk.graph.files
    expect(uploads).toHaveLength(1)
    expect(uploads[0]).toMatchObject({ type: 'image/png', name: 'photo.png', bytes: PHOTO.bytes })
    expect(desk.graph.calls[0]?.body).toMatchObject({
      type: 'image',
      image: { id: uploads[0]?.id, caption: 'In blue' },
      context,
    })
    await send({ type: 'document', document: { id: file['id'] } })
    await desk.drained(talk)
    expect([uploads.length, desk.graph.calls.length]).toEqual([1, 2])
    expect(desk.graph.calls[1]?.body).toMatchObject({
      document: { id: uploads[0]?.id, filename: 'photo.png' },
    })
    expect(filesOf(desk.app.on, org)).toHaveLength(1)

    // Meta forgets an upload after 30 days.
    const old = `update media set uploaded_at = uploaded_at - interval '30 days' where org_id = :org returning id`
    expect(await read(desk.app.on, org, old)).toHaveLength(3)
    await send({ type: 'image', image: { id: media['id'] } })
    await desk.drained(talk)
    expect(uploads).toHaveLength(2)
    expect(desk.graph.calls[2]?.body).toMatchObject({ image: { id: uploads[1]?.id } })
  })

  test('is told before anything is sent what WhatsApp would not take', async () => {
    const { body: photo } = await upload(PHOTO.bytes)
    const { body: exe } = await upload(Buffer.from('MZ\u0090 program'), 'setup.pdf.exe')
    const strange = await program(desk.app, await desk.app.org())
    const [id, none] = [photo['id'], exe['id']]
    const refused = [
      await send({ type: 'sticker', sticker: { id } }),
      await send({ type: 'audio', audio: { id } }),
      await send({ type: 'document', document: { id: none } }),
      await send({ type: 'image', image: { id, link: 'https://shop.example/a.png' } }),
      await send({ type: 'image', image: { id: org.id } }),
      await strange.get(`/media/${String(id)}`),
    ]
    expect(refused.map(({ status }) => status)).toEqual([422, 422, 422, 422, 404, 404])
    expect(refused[1]?.body['detail']).toContain('as an audio')
    const empty = await upload(Buffer.alloc(0))
    expect([empty.status, empty.body['code']]).toEqual([422, 'empty_file'])
    expect((await api.send('POST', '/media', {})).status).toBe(415)
    expect(await removeUnused(desk.app.on, org.id)).toBe(1)
  })

  test('an upload that WhatsApp refuses or nobody answers is no message that may be sent twice', async () => {
    const { body: file } = await upload(PHOTO.bytes)
    const { odd, uploads } = desk.graph.files
    odd.upload.push('cut', { status: 503 })
    const { body } = await send({ type: 'image', image: { id: file['id'] } })
    const id = String(body['id'])
    for (const _ of odd.upload.slice()) {
      await desk.drained(talk)
      expect(await talk.outbox(id)).toMatchObject({ state: 'retry', error_code: 'not_uploaded' })
      await talk.outboxIs(id, 'due_at = now()')
    }
    expect(desk.graph.calls).toEqual([])
    await desk.drained(talk)
    expect([uploads.length, desk.graph.calls.length]).toEqual([1, 1])
    expect(await talk.message(id)).toMatchObject({ status: 'accepted' })

    const { body: second } = await upload(SAMPLES.document().bytes, 'a.pdf')
    odd.upload.push({ status: 400, body: '{"error":{"code":131053,"message":"no"}}' })
    const { body: bad } = await send({ type: 'document', document: { id: second['id'] } })
    await desk.drained(talk)
    expect(await talk.message(String(bad['id']))).toMatchObject({
      status: 'failed',
      error_code: '131053',
    })
  })
})

describe('a person', () => {
  const attach = async (bytes: Buffer, name: string): Promise<{ status: number; file: Json }> => {
    const answer = await agent.send('/media', formOf(bytes, name))
    return { status: answer.status, file: (await answer.json()) as Json }
  }
  const kinds = async (): Promise<[string, string | null][]> =>
    (
      await read<{ kind: string; text: string | null }>(
        desk.app.on,
        org,
        `select kind, text from messages where org_id = :org and direction = 'out' order by created_at, id`,
      )
    ).map(({ kind, text }) => [kind, text])

  test('sends a picked file with the words below it, and a voice note before them', async () => {
    const { status, file } = await attach(PHOTO.bytes, 'ü.png')
    expect([status, file['kind']]).toEqual([201, 'image'])
    const said = { media: String(file['id']), media_kind: 'image', text: 'In blue' }
    expect((await agent.post(`/inbox/${talk.id}/messages`, said)).status).toBe(303)
    const { file: sound } = await attach(voice, 'note.ogg')
    expect(sound['kind']).toBe('audio')
    const spoken = { media: String(sound['id']), media_kind: 'audio', text: 'Listen' }
    await agent.post(`/inbox/${talk.id}/messages`, spoken)
    expect(await kinds()).toEqual([
      ['image', 'In blue'],
      ['audio', null],
      ['text', 'Listen'],
    ])
    const page = await (await agent.get(`/inbox/${talk.id}`)).text()
    const [src] = /\/media\/[0-9a-f-]{36}/.exec(page) ?? []
    expect((await agent.get(src ?? '')).headers.get('content-type')).toBe('image/png')
  })

  test('without scripts sends file and words by one form, and takes a file back', async () => {
    const form = formOf(SAMPLES.document().bytes, 'size-table.pdf', { text: 'All sizes' })
    const answer = await agent.send(`/inbox/${talk.id}/files`, form)
    expect(answer.status).toBe(303)
    expect(await kinds()).toEqual([['document', 'All sizes']])
    const { file } = await attach(PHOTO.bytes, 'a.png')
    expect((await agent.post(`/media/${String(file['id'])}/removal`)).status).toBe(204)
    expect(await removeUnused(desk.app.on, org.id)).toBe(1)
    expect((await agent.send('/media', new FormData())).status).toBe(422)
  })

  test('an upload that breaks off leaves nothing', async () => {
    await new Promise<void>((resolve) => {
      const call = request(`${desk.app.url}/api/v1/media`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${api.key}`,
          'content-type': 'multipart/form-data; boundary=b',
          'content-length': '5000000',
        },
      })
      call.on('error', () => resolve())
      call.write(
        '--b\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\nhalf of it',
      )
      void until(() => filesOf(desk.app.on, org).length > 0).then(() => call.destroy(), resolve)
    })
    await until(async () => (await removeUnused(desk.app.on, org.id)) > 0)
    expect(filesOf(desk.app.on, org)).toEqual([])
    expect(await read(desk.app.on, org, 'select id from media where org_id = :org')).toEqual([])
  })
})
