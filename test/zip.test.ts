import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { CHUNK_BYTES, openChunks, sealChunks } from '../src/privacy/sealed-file.ts'
import { openSpool } from '../src/privacy/spool.ts'
import { filesOf, zipOf } from './support/exports.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'chatflow-zip-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const TEXTS: Record<string, string> = {
  'data/a.jsonl': '{"text":"Grüße 👋"}\n'.repeat(5_000),
  'größe/ü.txt': 'name in any script',
  'empty.txt': '',
}

async function textOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of bytes) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

describe.each([
  ['plain', undefined],
  ['with ZIP64 fields', 10],
])('a ZIP, %s', (_name, limit) => {
  test('is read back byte for byte, also by other programs where there are any', async () => {
    const name = await zipOf(TEXTS, limit)
    expect(await filesOf(name)).toEqual(TEXTS)
    const readers = [
      ['unzip', '-t', name],
      ['python3', '-c', PYTHON, name],
    ]
    const complaints = readers.map(([program = '', ...args]) => {
      const { status, error, stderr, stdout } = spawnSync(program, args, { encoding: 'utf8' })
      return error || status === 0 ? '' : stdout + stderr
    })
    expect(complaints).toEqual(['', ''])
  })

  test('that was altered or cut off is refused', async () => {
    const whole = await readFile(await zipOf(TEXTS, limit))
    const broken = path.join(folder, 'broken.zip')
    const refusal = { code: 'not_an_export' }
    for (const length of [0, 10, 100, whole.length - 30]) {
      await writeFile(broken, whole.subarray(0, length))
      await expect(filesOf(broken)).rejects.toMatchObject(refusal)
    }
    for (const at of [70, 80, whole.lastIndexOf('PK\u0001\u0002') + 16]) {
      const altered = Buffer.from(whole)
      altered.writeUInt8(altered.readUInt8(at) ^ 0x55, at)
      await writeFile(broken, altered)
      await expect(filesOf(broken)).rejects.toMatchObject(refusal)
    }
  })
})

const PYTHON = `import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
assert z.read('data/a.jsonl').decode() == '{"text":"Grüße 👋"}\\n' * 5000
assert z.getinfo('größe/ü.txt').date_time == (2026, 11, 24, 8, 30, 20)`

test('a file that grows has no name in its folder and shows nothing of its text', async () => {
  const own = await mkdtemp(path.join(folder, 'spool-'))
  const spool = await openSpool(own)
  await spool.write('planted text')
  expect(await readdir(own)).toEqual([])
  expect(await textOf((await spool.finish('a')).bytes)).not.toContain('planted')
  await spool.close()
})

describe('a sealed file', () => {
  const key = { id: 'k1', key: randomBytes(32) }
  const place = { purpose: 'exports|file', org: 'o', row: 'r' }

  async function sealed(bytes: Buffer): Promise<string> {
    const name = path.join(folder, `${randomBytes(6).toString('hex')}.sealed`)
    const file = await open(name, 'wx')
    const out = sealChunks(key, place, (part) => file.writeFile(part))
    for (let at = 0; at < bytes.length; at += 300_000)
      await out.write(bytes.subarray(at, at + 300_000))
    await out.end()
    await file.close()
    return name
  }
  async function opened(name: string, at = place): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const part of openChunks([key], at, name)) parts.push(part)
    return Buffer.concat(parts)
  }

  test.each([0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2.5 * CHUNK_BYTES])(
    'of %d bytes opens to the same bytes',
    async (length) => {
      const bytes = randomBytes(length)
      expect((await opened(await sealed(bytes))).equals(bytes)).toBe(true)
    },
  )

  test('does not open when chunks are missing, moved, or belong to another export', async () => {
    const name = await sealed(randomBytes(2.5 * CHUNK_BYTES))
    const [first = '', second = '', third = ''] = (await readFile(name, 'utf8')).split('\n')
    await expect(opened(name, { ...place, row: 'other' })).rejects.toThrow(/does not open/)
    for (const lines of [[first, second], [second, first, third], [first, third], [third], []]) {
      await writeFile(name, lines.map((line) => `${line}\n`).join(''))
      await expect(opened(name)).rejects.toThrow(/does not open/)
    }
  })
})
