import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promises } from '../../src/privacy/promises.ts'
import { ROOT } from '../../src/root.ts'
import { startCluster } from '../support/cluster.ts'
import { proofs, sabotaged, sabotagesOf, type Sabotage } from './proofs.ts'
import { runJest, type Outcome } from './run-jest.ts'

type Trial = { id: string; proof: string; sabotage: Sabotage }
type Finding = { id: string; name: string; verdict: 'red' | 'SURVIVED' | 'DID NOT RUN' }

/** What a copy of the tree does without; the installed packages are linked. */
const LEFT_OUT = new Set(['node_modules', '.git', 'build', 'coverage'])

/** A file that does not even load says nothing of the promise: only a failed test counts as red. */
function verdictOf({ numRuntimeErrorTestSuites, testResults }: Outcome): Finding['verdict'] {
  const states = testResults.flatMap(({ assertionResults }) => assertionResults)
  if (numRuntimeErrorTestSuites > 0 || states.length === 0) return 'DID NOT RUN'
  return states.some(({ status }) => status === 'failed') ? 'red' : 'SURVIVED'
}

async function tryOut({ id, proof, sabotage }: Trial): Promise<Finding> {
  const copy = await mkdtemp(path.join(os.tmpdir(), 'chatflow-sabotage-'))
  try {
    const filter = (source: string): boolean => !LEFT_OUT.has(path.relative(ROOT, source))
    await cp(ROOT, copy, { recursive: true, filter })
    await symlink(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'))
    const target = path.join(copy, sabotage.file)
    await writeFile(target, sabotaged(await readFile(target, 'utf8'), sabotage))
    // Roles belong to the whole server: a migration that was tampered with gets one of its own.
    const database = sabotage.file.startsWith('migrations/') ? undefined : cluster.url
    const outcome = await runJest(copy, [proof], database)
    return { id, name: sabotage.name, verdict: verdictOf(outcome) }
  } finally {
    await rm(copy, { recursive: true })
  }
}

const cluster = await startCluster()
const asked = new Set(process.argv.slice(2).map((id) => id.replace(/^P0/, 'P')))
const trials = promises
  .filter(({ id }) => asked.size === 0 || asked.has(id))
  .flatMap(({ id }) => {
    const proof = proofs().get(id)
    return proof ? sabotagesOf(id).map((sabotage) => ({ id, proof, sabotage })) : []
  })
const waiting = [...trials]
const findings: Finding[] = []
const work = async (): Promise<void> => {
  const next = waiting.shift()
  if (!next) return
  const finding = await tryOut(next)
  findings.push(finding)
  process.stdout.write(`${[finding.id, finding.name, finding.verdict].join(' | ')}\n`)
  await work()
}
await Promise.all(Array.from({ length: Math.max(1, os.availableParallelism() >> 1) }, work))
await cluster.stop()
await mkdir(path.join(ROOT, 'build'), { recursive: true })
await writeFile(
  path.join(ROOT, 'build/sabotage-report.json'),
  `${JSON.stringify(findings, null, 2)}\n`,
)
const red = findings.filter(({ verdict }) => verdict === 'red').length
process.stdout.write(`${red} of ${trials.length} sabotages turn their proof red\n`)
process.exitCode = red === trials.length && trials.length > 0 ? 0 : 1
