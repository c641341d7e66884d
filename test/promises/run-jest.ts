import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'

const Outcome = z.object({
  numRuntimeErrorTestSuites: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      startTime: z.number(),
      endTime: z.number(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
})
export type Outcome = z.infer<typeof Outcome>

/** Run test files of the tree at `root` one after the other, on the database server at `database` or one of their own. */
export async function runJest(
  root: string,
  files: readonly string[],
  database?: string,
): Promise<Outcome> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'chatflow-proof-'))
  const file = path.join(folder, 'outcome.json')
  const jest = path.join(root, 'node_modules/jest/bin/jest.js')
  const given = [jest, '--json', `--outputFile=${file}`, '--maxWorkers=1', '--runTestsByPath']
  try {
    await new Promise<void>((resolve, reject) => {
      const env = { ...process.env, ...(database ? { TEST_DATABASE_URL: database } : {}) }
      const options = { cwd: root, stdio: 'ignore', env } as const
      const child = spawn(process.execPath, [...given, ...files], options)
      child.on('error', reject)
      child.on('close', () => resolve())
    })
    return Outcome.parse(JSON.parse(await readFile(file, 'utf8')))
  } finally {
    await rm(folder, { recursive: true })
  }
}
