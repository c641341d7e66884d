import { byPerson } from '../src/audit/audit.ts'
import { rows } from '../src/db.ts'
import { exportToFile } from '../src/privacy/export-file.ts'
import { checkCode, sendCode } from '../src/rights/challenge.ts'
import { answer } from '../src/rights/decide.ts'
import { resume, verify, withdraw } from '../src/rights/desk.ts'
import { carryOut } from '../src/rights/erase.ts'
import { hear } from '../src/rights/keywords.ts'
import { tendRequests } from '../src/rights/tend.ts'
import { startApp, type Running } from './support/app.ts'
import { filesOf, linesOf, newZip } from './support/exports.ts'
import { arrive, read } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from './support/meta.ts'
import { openRightsDesk, otherCode, type RightsDesk } from './support/rights.ts'

const DONE = { words: 'We looked everything up.', outcome: 'answered' as const }
let app: Running
let desk: RightsDesk
beforeAll(async () => {
  app = await startApp({ workers: false })
})
beforeEach(async () => {
  desk = await openRightsDesk(app)
})
afterAll(() => app.stop())

describe('a keyword', () => {
  test.each([
    ['“Mis Datos”', 'access', 'es'],
    ['meine daten löschen', 'erase', 'de'],
    ['Apagar os meus dados!', 'erase', 'pt'],
    ['supprimer mes donnees', 'erase', 'fr'],
    ['i miei dati', 'access', 'it'],
    ['corregir mis datos', 'correct', 'es'],
    ['restrict my\u00a0data', 'restrict', 'en'],
    ['*STOP*', 'stop', 'en'],
    ['Privacy?', 'question', 'en'],
  ])('%s asks for %s, in %s', (text, ask, language) => {
    expect(hear(text)).toEqual({ ask, language })
  })

  test.each([
    ['Do you sell my data to others?', 'question'],
    ['Quiero borrar mis datos, por favor', 'question'],
    ['I do not want you to stop', undefined],
    ['undelete my database', undefined],
    ['privacyx', undefined],
    ['', undefined],
    [`my data ${'x'.repeat(5_000)}`, undefined],
  ])('inside “%.40s” is %s at most', (text, ask) => {
    expect(hear(text)?.ask).toBe(ask)
  })
})

describe('a request', () => {
  test('is answered by another than the colleague whom it is about', async () => {
    const other = await desk.org.person('admin')
    const at = await desk.open({ notBy: desk.admin.id })
    await expect(verify(app.on, at, 'known')).rejects.toMatchObject({ code: 'about_you' })
    await verify(app.on, { ...at, by: byPerson({ user: other.id }) }, 'known')
  })

  test('is at one desk, and not there for any other', async () => {
    const at = await desk.open()
    for (const org of [(await app.org()).id, null])
      await expect(verify(app.on, { ...at, org }, 'known')).rejects.toMatchObject({ status: 404 })
  })

  test('that goes on cannot be let go on, and one taken back is closed', async () => {
    const at = await desk.open()
    await expect(resume(app.on, at)).rejects.toMatchObject({ code: 'not_paused' })
    await withdraw(app.on, at)
    expect(await desk.find(at)).toMatchObject({ state: 'withdrawn', outcome: 'taken_back' })
    await expect(answer(app.on, at, DONE)).rejects.toMatchObject({ code: 'closed' })
  })

  test('that is closed starts the time of its words, and takes its alarms down', async () => {
    const received = new Date(app.on.now().getTime() - 25 * 86_400_000)
    const at = await desk.open({ kind: 'question', received })
    expect(await tendRequests(app.on, app.on.now())).toContain(at.id)
    await answer(app.on, at, DONE)
    const words = `select 1 from privacy_request_texts where org_id = :org and closed_at is null`
    expect(await read(app.on, desk.org, words)).toEqual([])
    expect(await tendRequests(app.on, app.on.now())).not.toContain(at.id)
    const alarms = await app.on.db.withSystem((tx) =>
      rows<{ cleared: boolean }>(
        tx,
        'select cleared_at is not null as cleared from alarms where ref = ?',
        [at.id],
      ),
    )
    expect(alarms).toEqual([{ cleared: true }])
  })

  test('by telephone is proven by a code that was sent to the number on file', async () => {
    await desk.says('Hello')
    const [contact] = await desk.people()
    const wish = { road: 'phone' as const, contact: contact?.id, texts: {} }
    const at = await desk.open(wish)
    await sendCode(app.on, at, 'Test shop')
    const code = await desk.code()
    const wrong = checkCode(app.on, at, otherCode(code))
    await expect(wrong).rejects.toMatchObject({ code: 'code_wrong' })
    await checkCode(app.on, at, code)
    expect((await desk.find(at)).verified_how).toBe('code')
    await expect(checkCode(app.on, at, code)).rejects.toMatchObject({ code: 'code_over' })
    // The person may as well answer in the chat; that proves it and erases nothing.
    const second = await desk.open({ ...wish, kind: 'erase' })
    await sendCode(app.on, second, 'Test shop')
    await desk.says(await desk.code())
    await desk.settle()
    expect(await desk.find(second)).toMatchObject({ verified_how: 'code', confirmed_at: null })
  })

  test('to be deleted is carried out once it is known who asks, and closes when it is done', async () => {
    await desk.says('Hello')
    const [contact] = await desk.people()
    const received = new Date(app.on.now().getTime() - 5 * 86_400_000)
    const at = await desk.open({ kind: 'erase', contact: contact?.id, received })
    await expect(carryOut(app.on, at)).rejects.toMatchObject({ code: 'unverified' })
    await verify(app.on, at, 'known')
    await carryOut(app.on, at)
    const [deletion] = await read(
      app.on,
      desk.org,
      'select requested_at, road from deletions where org_id = :org',
    )
    expect(deletion).toEqual({ requested_at: received, road: 'agent' })
    await desk.settle()
    expect(await desk.find(at)).toMatchObject({ outcome: 'erased', contact_id: null })
  })

  test('of one organization is nobody to another that knows the same number', async () => {
    const [other, ana] = [await app.org(), newCustomer()]
    for (const org of [desk.org, other])
      await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
    const [contact] = await desk.people()
    const at = await desk.open({ kind: 'erase', contact: contact?.id })
    await verify(app.on, at, 'known')
    await carryOut(app.on, at)
    await desk.settle()
    const left = await read(app.on, other, 'select 1 from contacts where org_id = :org')
    const requests = await read(app.on, other, 'select 1 from privacy_requests where org_id = :org')
    expect([left, requests]).toEqual([[expect.anything()], []])
  })

  test('is in the export of its person, opened', async () => {
    await desk.says('MY DATA')
    const [contact] = await desk.people()
    const subject = { kind: 'contact' as const, org: desk.org.id, id: contact?.id ?? '' }
    const { file } = await exportToFile(app.on, subject, newZip())
    const texts = linesOf((await filesOf(file))['data/privacy_request_texts.jsonl'])
    expect(texts).toMatchObject([{ kind: 'asked', body: 'MY DATA' }])
    // Of an account, where the installation seals itself.
    const user = desk.org.owner.id
    await desk.open({ org: null, user, road: 'self', texts: { asked: 'All of it' } })
    const own = await exportToFile(app.on, { kind: 'user', id: user }, newZip())
    const mine = linesOf((await filesOf(own.file))['data/privacy_request_texts.jsonl'])
    expect(mine).toMatchObject([{ body: 'All of it' }])
  })
})
