import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { manifestHash } from '../../src/privacy/manifest.ts'
import { policyText } from '../../src/privacy/policy-versions.ts'
import { promises } from '../../src/privacy/promises.ts'
import { ROOT } from '../../src/root.ts'
import { sourceHash } from '../../src/source-hash.ts'
import { proofs } from './proofs.ts'
import { runJest, type Outcome } from './run-jest.ts'

type Result = {
  id: string
  tests: number
  passed: number
  failed: number
  skipped: number
  ms: number
}

/** A test that did not run proves nothing: a promise is kept when it has tests and every one of them passed. */
const isKept = ({ tests, passed }: Result): boolean => tests > 0 && passed === tests

function resultOf(id: string, { testResults }: Outcome): Result {
  const file = proofs().get(id)
  const found = testResults.find(({ name }) => file && name === path.join(ROOT, file))
  if (!found) return { id, tests: 0, passed: 0, failed: 0, skipped: 0, ms: 0 }
  const states = found.assertionResults.map(({ status }) => status)
  const passed = states.filter((state) => state === 'passed').length
  const failed = states.filter((state) => state === 'failed').length
  const ms = Math.round(found.endTime - found.startTime)
  const skipped = states.length - passed - failed
  return { id, tests: states.length, passed, failed, skipped, ms }
}

const said = (result: Result): string => {
  if (isKept(result)) return 'kept'
  return result.tests === 0
    ? 'no proof ran'
    : `NOT KEPT (${result.passed} of ${result.tests} passed)`
}

// Before the run: what is changed while it goes on was not what it proved.
const sources = sourceHash()
const outcome = await runJest(ROOT, [...proofs().values()])
const results = promises.map(({ id }) => resultOf(id, outcome))
const report = {
  commit: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
  sources,
  finishedAt: new Date().toISOString(),
  policySha256: createHash('sha256').update(policyText()).digest('hex'),
  manifestHash: manifestHash(),
  results,
}
await mkdir(path.join(ROOT, 'build'), { recursive: true })
await writeFile(
  path.join(ROOT, 'build/promises-report.json'),
  `${JSON.stringify(report, null, 2)}\n`,
)
for (const [index, { id, title, words }] of promises.entries()) {
  const result = results[index]
  if (!result) continue
  const cells = [id, title, `“${words}”`, proofs().get(id) ?? 'none', said(result)]
  process.stdout.write(`${cells.join(' | ')}\n`)
}
const kept = results.filter(isKept).length
process.stdout.write(`${kept} of ${promises.length} promises kept\n`)
process.exitCode = kept === promises.length ? 0 : 1
