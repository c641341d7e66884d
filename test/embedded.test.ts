import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import {
  databasePid,
  freePort,
  newHome,
  processesIn,
  run,
  start,
  type Product,
} from './support/product.ts'
import { until } from './support/until.ts'

jest.setTimeout(120_000)

const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8)
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

async function stop(product: Product, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  product.child.kill(signal)
  return product.ended
}

describe('the embedded installation', () => {
  const home = newHome('data of a shop')
  const { dataDir } = home
  let env: Record<string, string>
  let port: number

  beforeAll(async () => {
    port = await freePort()
    env = { PORT: String(port), DATA_DIR: dataDir }
  })
  afterAll(() => home.remove())

  test('starts from nothing, says where it is and how to sign in, and stops without a trace', async () => {
    const product = await start(env)
    expect(product.stdout()).toContain(`ready at http://localhost:${port}`)
    expect(product.stdout()).toMatch(/Sign in as \S+@\S+ with the password in /)
    expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${port}/login`)).status).toBe(200)

    const pid = databasePid(dataDir)
    expect(await stop(product, 'SIGINT')).toBe(0)
    expect(isAlive(pid)).toBe(false)
    expect(processesIn(dataDir)).toEqual([])
    expect(readdirSync(dataDir).filter((name) => /^(lock|running)/.test(name))).toEqual([])
  })

  test('keeps its secrets to itself', () => {
    for (const name of ['master.key', 'session.key', 'postgres.password', 'first-password'])
      expect([name, mode(path.join(dataDir, name))]).toEqual([name, '600'])
    expect(mode(dataDir)).toBe('700')
    const password = readFileSync(path.join(dataDir, 'first-password'), 'utf8').trim()
    expect(password).toMatch(/^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/)
    expect(readFileSync(path.join(dataDir, 'postgres.log'), 'utf8')).not.toMatch(/password|@/)
  })

  test('starts on the same data after kill -9, with the database process left behind', async () => {
    const first = await start(env)
    const left = databasePid(dataDir)
    first.child.kill('SIGKILL')
    await first.ended
    expect(isAlive(left)).toBe(true)

    const second = await start(env)
    expect(databasePid(dataDir)).toBe(left)
    expect(second.stdout()).toMatch(/Sign in as /)
    expect(await stop(second)).toBe(0)
    expect(isAlive(left)).toBe(false)
  })

  test('starts on the same data when everything was killed', async () => {
    const first = await start(env)
    process.kill(databasePid(dataDir), 'SIGKILL')
    first.child.kill('SIGKILL')
    await first.ended
    await until(() => processesIn(dataDir).length === 0)
    expect(existsSync(path.join(dataDir, 'pg/postmaster.pid'))).toBe(true)

    const second = await start(env)
    expect(await stop(second)).toBe(0)
  })

  test('is not held up by files that name a process of somebody else, and leaves it alone', async () => {
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'])
    writeFileSync(
      path.join(dataDir, 'lock.4'),
      JSON.stringify({ pid: stranger.pid, started: 'another time', kind: 'start' }),
    )
    writeFileSync(
      path.join(dataDir, 'pg/postmaster.pid'),
      [stranger.pid, path.join(dataDir, 'pg'), 1, 5432, '', '127.0.0.1', 0, 'ready'].join('\n'),
    )
    const product = await start(env)
    expect(await stop(product)).toBe(0)
    expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null])
    stranger.kill()
  })

  test('of two starts at once one runs and the other says so', async () => {
    const both = [run('start.ts', [], { env }), run('start.ts', [], { env })]
    const loser = await Promise.race(both.map((one) => one.ended.then(() => one)))
    const winner = both.find((one) => one !== loser)
    expect(await loser.ended).toBe(1)
    expect(loser.stderr()).toMatch(/^already running (at http:\/\/localhost:\d+|as process \d+)\n$/)
    await until(() => winner?.stdout().includes('is ready at'), 60_000)

    const third = run('start.ts', [], { env })
    expect(await third.ended).toBe(1)
    expect(third.stderr()).toBe(`already running at http://localhost:${port}\n`)
    expect(winner && (await stop(winner))).toBe(0)
  })

  test('a second signal does not shorten the stop', async () => {
    const product = await start(env)
    product.child.kill('SIGTERM')
    product.child.kill('SIGINT')
    product.child.kill('SIGTERM')
    expect(await product.ended).toBe(0)
    expect(processesIn(dataDir)).toEqual([])
  })

  test('a port that is taken is one line, and nothing stays behind', async () => {
    const other = createServer().listen(port, '127.0.0.1')
    await once(other, 'listening')
    const product = run('start.ts', [], { env })
    expect(await product.ended).toBe(1)
    expect(product.stderr()).toBe(
      `PORT ${port} is taken by another program, e.g. PORT=${port + 1}\n`,
    )
    expect(processesIn(dataDir)).toEqual([])
    other.close()
  })

  test('ends when its database is killed, instead of serving errors', async () => {
    const product = await start(env)
    process.kill(databasePid(dataDir), 'SIGKILL')
    expect(await product.ended).toBe(1)
    expect(product.stderr()).toContain(`the database in ${dataDir} has ended`)
  })

  test('does not make new keys for old data', async () => {
    const file = path.join(dataDir, 'master.key')
    const key = readFileSync(file)
    rmSync(file)
    const product = run('start.ts', [], { env })
    expect(await product.ended).toBe(1)
    expect(product.stderr()).toMatch(/^DATA_DIR: .*master\.key is missing, .*\n$/)
    writeFileSync(file, key, { mode: 0o600 })
  })
})

describe('a start that cannot be', () => {
  const refused = async (env: Record<string, string>): Promise<string> => {
    const product = run('start.ts', [], { env })
    expect(await product.ended).toBe(1)
    expect(product.stdout()).toBe('')
    return product.stderr()
  }

  test('a DATA_DIR that cannot be written is one line', async () => {
    const home = newHome()
    mkdirSync(home.dataDir, { mode: 0o500 })
    // Nothing is read-only for root but a file system that is.
    const dataDir = process.getuid?.() === 0 ? '/proc/chatflow' : path.join(home.dataDir, 'data')
    expect(await refused({ DATA_DIR: dataDir })).toMatch(
      /^DATA_DIR: \S+ cannot be written \(\w+\), e\.g\. DATA_DIR=\S+\n$/,
    )
    home.remove()
  })

  test('a variable that cannot be read is one line naming it', async () => {
    expect(await refused({ PORT: 'abc' })).toMatch(/^PORT is not valid .*e\.g\. PORT=3000\n$/)
  })

  test('a database that does not answer is one line', async () => {
    const port = await freePort()
    const env = {
      DATABASE_URL: `postgres://nobody:secret@127.0.0.1:${port}/none`,
      CHATFLOW_MASTER_KEY: `k1:${Buffer.alloc(32, 'some bytes').toString('base64')}`,
    }
    expect(await refused(env)).toBe('DATABASE_URL: the database does not answer (ECONNREFUSED)\n')
  })
})
