import { advanceDue } from '../../src/deletions/advance.ts'
import type { Running } from '../support/app.ts'
import { refusedBy, type Meta } from '../support/graph-questions.ts'
import type { Org } from '../support/org.ts'
import { askPurge, keepUploads, knownUploads, purgeOf, toldOf } from '../support/releases.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit } from '../support/visitor.ts'

const DAY = 86_400_000
const SUCCESS = { status: 200, body: { success: true } } as const
type Release = { counts: object; notes: string[] }
type Noted = { certificate: { steps: { meta_release: Release } } }

/** The product of the proof; `askDeletion` is Meta's callback about whoever granted the organization's token. */
type At = {
  app(): Running
  org(): Org
  meta(): Meta
  askDeletion(): Promise<string>
  turn(clock: Date): void
}

/** The part of P41 about files that were uploaded to be sent; the proof of P41 calls it. */
export function provesUploads({ app, org, meta, askDeletion, turn }: At): void {
  /** What Meta was asked since the last time; of files only their ids. */
  const asked = (): string[] =>
    meta()
      .asked.splice(0)
      .map(({ method, path }) => `${method} ${path}`)
      .map((one) => /^DELETE \/v26\.0\/(\d+)$/.exec(one)?.[1] ?? one)
  const askedFiles = (): string[] =>
    asked()
      .filter((one) => !one.includes(' '))
      .toSorted()
  const page = async (code: string): Promise<string> =>
    (await fetch(`${app().url}/deletion/${code}`)).text()

  test('what was uploaded to Meta in the last 30 days is deleted there, before its webhooks and the grant end', async () => {
    const neighbour = await app().org()
    const theirs = await keepUploads(app(), neighbour, { n: 3 })
    const ids = await keepUploads(app(), org(), { n: 12 })
    const old = await keepUploads(app(), org(), { n: 2, days: 30, from: 7_000 })
    const [unknown = ''] = ids
    meta().answer(`DELETE /v26.0/${unknown}`, { status: 404, body: { error: { code: 2500 } } })
    const code = await askDeletion()
    expect((await advanceDue(app().on, { now: app().on.now() })).failed).toEqual([])
    meta().answer(`DELETE /v26.0/${unknown}`, SUCCESS)

    const { accessToken, wabaId } = org().connection
    expect(new Set(meta().asked.map(({ token }) => token))).toEqual(new Set([accessToken]))
    const all = asked()
    expect(all.slice(0, 12).toSorted()).toEqual(ids)
    expect(all.slice(12)).toEqual([
      `DELETE /v26.0/${wabaId}/subscribed_apps`,
      `GET /v26.0/${wabaId}/subscribed_apps`,
      expect.stringMatching(/^DELETE .+\/permissions$/),
    ])
    // The organization stays: what it sends again is uploaded again.
    expect(await knownUploads(app(), org())).toEqual(old)
    expect(await knownUploads(app(), neighbour)).toEqual(theirs)

    const { notes, certificate } = await toldOf(app(), code)
    expect(notes).toMatch(/^media already_gone 1; media done 11; subscribed_apps done; /)
    const { counts } = (certificate as Noted).certificate.steps.meta_release
    expect(counts).toEqual({ accounts: 1, media: 12 })
    expect(await page(code)).toContain('files we had uploaded that Meta deleted: 11')
    expect(await page(code)).toContain('files we had uploaded that Meta gives us no more: 1')
    expect(await purgeOf(app(), neighbour.id)).toMatch(/^media done 3; subscribed_apps done; /)
  })

  test('an upload that Meta does not delete is asked for again, also by a run after one that was cut off, and is unconfirmed in the end', async () => {
    let clock = new Date()
    turn(clock)
    const ids = await keepUploads(app(), org(), { n: 25, days: 0 })
    const code = await askPurge(app(), org().id)
    const { deadline_at } = await toldOf(app(), code)
    let batches = 0
    const observe = (where: string): void => {
      if (where === 'meta_release media' && (batches += 1) === 2) throw new Error('cut off')
    }
    await expect(advanceDue(app().on, { now: clock, observe })).rejects.toThrow('cut off')
    expect(askedFiles()).toEqual(ids.slice(0, 10))

    const later = async (ms: number): Promise<string[]> => {
      clock = new Date(clock.getTime() + ms)
      turn(clock)
      await advanceDue(app().on, { now: clock })
      return askedFiles()
    }
    const [left = ''] = ids.slice(10)
    // Behind a limit nothing more is asked for a while.
    meta().answer(`DELETE /v26.0/${left}`, refusedBy(80_008, 'There have been too many calls'))
    expect(await later(DAY)).toEqual(ids.slice(10, 20))
    meta().answer(`DELETE /v26.0/${left}`, { status: 503, body: 'away' })
    expect(await later(DAY)).toEqual([left, ...ids.slice(20)])
    expect(await later(DAY)).toEqual([left])
    expect((await toldOf(app(), code)).state).toBe('purging')
    expect(await later(deadline_at.getTime() - DAY - clock.getTime())).toEqual([left])
    meta().answer(`DELETE /v26.0/${left}`, SUCCESS)

    const { state, notes } = await toldOf(app(), code)
    expect(state).toBe('purged')
    expect(notes).toMatch(/^media done 24; media unconfirmed\(away\) 1; subscribed_apps done; /)
    expect(await page(code)).toContain(
      'did not confirm to delete, and keeps for 30 days at most: 1',
    )
  })

  test('a number that is disconnected takes its uploads along, as many at a time as one request can wait for', async () => {
    const other = { ...org(), connection: await org().connect() }
    const theirs = await keepUploads(app(), other, { n: 1, from: 8_000 })
    const ids = await keepUploads(app(), org(), { n: 501, from: 9_000 })
    const admin = visit(app(), {
      cookie: await signInAs(app().on, org(), await org().person('admin')),
    })
    const path = `/settings/connections/${org().connection.id}/disconnect`
    expect((await admin.post(path, {})).text).toContain('more are left')
    expect(askedFiles()).toEqual(ids.slice(0, 500))
    expect(await knownUploads(app(), org())).toEqual([...theirs, ...ids.slice(500)])
    expect((await admin.post(path, {})).status).toBe(303)
    expect(asked().slice(0, 2)).toEqual([
      ids[500],
      `DELETE /v26.0/${org().connection.wabaId}/subscribed_apps`,
    ])
    expect(await knownUploads(app(), org())).toEqual(theirs)
  })
}
