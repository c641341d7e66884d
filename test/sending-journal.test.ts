import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describeProcess } from '../src/processes.ts'
import { claim, type Entry } from '../src/sending/claim.ts'
import { inherit } from '../src/sending/inherit.ts'
import { findLegacies, openJournal } from '../src/sending/journal.ts'
import { useDesk } from './support/desk.ts'
import type { Talk } from './support/talk.ts'

const desk = useDesk()
const DEAD = '999999999 of another boot'

/** What a process leaves that was killed after `posting` was committed: the row, and its journal. */
async function killedWhilePosting(talk: Talk, worker: string, wrote: boolean): Promise<Entry> {
  const [entry] = await claim(desk.app.on, talk.bell, 1, worker)
  if (!entry) throw new Error('nothing was due')
  await talk.outboxIs(entry.message, `state = 'posting', attempts = 1, posted_at = now()`)
  leave(worker, DEAD, wrote ? [`${entry.message} ${entry.fence}`] : [])
  return entry
}

function leave(worker: string, owner: string, lines: string[]): string {
  const folder = path.join(desk.app.on.config.DATA_DIR, 'posts')
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, `${worker}.journal`)
  writeFileSync(file, [owner, ...lines, ''].join('\n'))
  return file
}

test('what a dead process never wrote to the wire is sent once, without waiting for its lease', async () => {
  const talk = await desk.talk()
  const { id } = await talk.say('Did it leave?')
  await killedWhilePosting(talk, 'w1', false)
  expect(await inherit(desk.app.on)).toEqual([talk.bell])
  expect((await talk.message(id)).status).toBe('queued')
  await desk.drained(talk)
  expect(desk.graph.calls.map((call) => call.ref)).toEqual([id])
  expect((await talk.message(id)).status).toBe('accepted')
})

test('what it wrote is of unknown outcome and is not sent again', async () => {
  const talk = await desk.talk()
  const { id } = await talk.say('It left')
  await killedWhilePosting(talk, 'w2', true)
  await inherit(desk.app.on)
  expect((await talk.message(id)).status).toBe('unknown')
  await desk.drained(talk)
  expect(desk.graph.calls).toHaveLength(0)
})

test('an earlier attempt in the journal says nothing about a later one', async () => {
  const talk = await desk.talk()
  const { id } = await talk.say('Second try')
  const entry = await killedWhilePosting(talk, 'w3', false)
  leave('w3', DEAD, [`${entry.message} ${entry.fence - 1}`])
  await inherit(desk.app.on)
  expect((await talk.message(id)).status).toBe('queued')
})

test('the leases of a living process are left alone', async () => {
  const talk = await desk.talk()
  const { id } = await talk.say('Still at work')
  await killedWhilePosting(talk, 'w4', true)
  const file = leave('w4', describeProcess(process.pid), [])
  expect(await inherit(desk.app.on)).toEqual([])
  expect(existsSync(file)).toBe(true)
  expect((await talk.outbox(id)).state).toBe('posting')
})

test('a sender notes each post in the tick that writes it, and keeps nothing once all are recorded', async () => {
  const folder = path.join(desk.app.on.config.DATA_DIR, 'own')
  const journal = openJournal(folder, 'w5')
  const file = path.join(folder, 'posts', 'w5.journal')
  journal.wrote('0198c0de-0000-7000-8000-000000000001', 7)
  expect(readFileSync(file, 'utf8').split('\n')[1]).toBe('0198c0de-0000-7000-8000-000000000001 7')
  expect(findLegacies(folder)).toEqual([])
  journal.forget()
  expect(readFileSync(file, 'utf8')).toBe(`${describeProcess(process.pid)}\n`)
  journal.close()
  expect(existsSync(file)).toBe(false)

  const talk = await desk.talk()
  await talk.say('Watch me')
  let seen = 0
  desk.graph.decide(() => {
    const [own] = findJournals()
    seen = own?.split('\n').length ?? 0
    return 'ok'
  })
  await desk.drained(talk)
  expect(seen).toBe(3)
})

/** The journals of this very process that hold a line, as they stand now. */
function findJournals(): string[] {
  const folder = path.join(desk.app.on.config.DATA_DIR, 'posts')
  const own = describeProcess(process.pid)
  return readdirSync(folder)
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .filter((text) => text.startsWith(own) && text.split('\n').length > 2)
}
