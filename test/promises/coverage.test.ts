import { readFileSync } from 'node:fs'
import path from 'node:path'
import { policyText } from '../../src/privacy/policy-versions.ts'
import { promises } from '../../src/privacy/promises.ts'
import { ROOT } from '../../src/root.ts'
import { coverage } from './coverage.ts'
import { proofs, sabotaged, sabotagesOf } from './proofs.ts'

describe('the policy and its promises', () => {
  const ids = promises.map(({ id }) => id)

  test('every sentence is the policy and has a promise', () => {
    expect(coverage).toHaveLength(28)
    for (const [sentence, kept] of coverage) {
      expect(policyText()).toContain(sentence)
      expect(kept).not.toEqual([])
    }
  })

  test('every promise keeps a sentence, in the very words of the policy', () => {
    expect(ids).toHaveLength(52)
    const kept = new Set(coverage.flatMap(([, numbers]) => numbers.map((n) => `P${n}`)))
    expect(ids.filter((id) => !kept.has(id))).toEqual([])
    expect(promises.filter(({ words }) => !policyText().includes(words))).toEqual([])
  })

  test('every promise has a proof', () => {
    const proven = proofs()
    expect(ids.filter((id) => !proven.has(id))).toEqual([])
  })

  test('every proof has a sabotage that fits the code', () => {
    for (const id of proofs().keys()) {
      const found = sabotagesOf(id)
      expect([id, found.length > 0]).toEqual([id, true])
      for (const sabotage of found) {
        const text = readFileSync(path.join(ROOT, sabotage.file), 'utf8')
        expect(sabotaged(text, sabotage)).not.toBe(text)
      }
    }
  })
})
