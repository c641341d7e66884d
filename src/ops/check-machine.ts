import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import type { Config } from '../config.ts'
import { openEgress } from '../egress.ts'
import { Secret } from '../secret.ts'
import { fail, ok, warn, type Check } from './check.ts'

const NODE = [20, 19] as const
const GIB = 1_073_741_824

export function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const detail = `Node.js ${process.versions.node}`
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return ok('node', detail)
  return fail('node', detail, `install Node.js ${NODE.join('.')} or later`)
}

/** Under 15 % free is worth a look; under 2 % a database stops taking writes soon. */
export async function checkDisk({ DATA_DIR }: Config): Promise<Check> {
  const folder = path.resolve(DATA_DIR)
  const disk = await statfs(folder).catch(() => statfs(path.parse(folder).root))
  const free = disk.bavail / disk.blocks
  const detail = `${Math.floor(free * 100)} % free (${((disk.bavail * disk.bsize) / GIB).toFixed(1)} GiB)`
  if (free >= 0.15) return ok('disk', detail)
  const mend = `free space on the volume of ${folder}`
  return free >= 0.02 ? warn('disk', detail, mend) : fail('disk', detail, mend)
}

/** Taken by us is as good as free. */
export async function checkPort({ PORT, HOST }: Config): Promise<Check> {
  const code = await bind(PORT, HOST)
  if (code === undefined) return ok('port', `${HOST}:${PORT} is free`)
  if (code === 'EADDRINUSE' && (await answersAsUs(PORT, HOST)))
    return ok('port', `${HOST}:${PORT} is served by this product`)
  return fail('port', `${HOST}:${PORT} cannot be used (${code})`, 'set PORT to a free port')
}

/** Any answer will do: without a token the provider refuses, and refusing is answering. */
export async function checkGraph(config: Config): Promise<Check> {
  const { GRAPH_API_URL } = config
  if (config.SANDBOX) return ok('graph', 'the sandbox stands in for the Graph API')
  const egress = openEgress(config)
  const answer = await egress
    .graph({
      purpose: 'check_installation',
      org: null,
      method: 'GET',
      path: '/me',
      token: new Secret('none', 'call_graph'),
      timeoutMs: 5_000,
    })
    .finally(() => egress.close())
  if (answer.outcome === 'answered') return ok('graph', `${GRAPH_API_URL} answers`)
  return fail(
    'graph',
    `${GRAPH_API_URL} does not answer (${answer.reason})`,
    'allow outgoing HTTPS to it, or correct GRAPH_API_URL',
  )
}

function bind(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    probe.listen(port, host, () => probe.close(() => resolve(undefined)))
  })
}

async function answersAsUs(port: number, host: string): Promise<boolean> {
  const at = host === '0.0.0.0' ? '127.0.0.1' : host
  try {
    const answer = await fetch(`http://${at}:${port}/health/live`, {
      signal: AbortSignal.timeout(2_000),
    })
    return answer.ok && answer.headers.get('content-type')?.includes('json') === true
  } catch {
    return false
  }
}
