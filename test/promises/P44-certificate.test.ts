import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { canonical } from '../../src/privacy/manifest.ts'
import {
  isCertified,
  publicKeyOf,
  signCertificate,
  signWith,
  Signed,
} from '../../src/deletions/certificate.ts'
import { runCommand } from '../../src/cli/run.ts'
import { openVault } from '../../src/vault.ts'

/** The seed of RFC 8032, test 1. */
const SEED = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
const STATEMENT = { code_sha256: '00', kind: 'org', purged_at: '2026-03-01T00:00:00Z', v: 1 }

describe('P44 — a certificate that anybody can check and nobody can alter', () => {
  const signed = signWith(SEED, STATEMENT)
  const trusted = [publicKeyOf(SEED)]

  test('is the Ed25519 signature over the sorted JSON', () => {
    expect(signed.key).toBe('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo')
    expect(signed.signature).toBe(
      'BKsY0ep62A2oGa_IssUvioe6ftqwolQIoak_nOh4MZuwQ4fGw7QQCLuR9EvK6I3F9s9ZV83MFgnvd-yuCD77AQ',
    )
    const turned = Object.fromEntries(Object.entries(STATEMENT).toReversed())
    expect(canonical(turned)).toBe(canonical(STATEMENT))
    expect(isCertified({ ...signed, certificate: turned }, trusted)).toBe(true)
  })

  test('is refused with one character changed, another signature, or a key of somebody else', () => {
    for (const [name, value] of Object.entries(STATEMENT))
      expect(
        isCertified({ ...signed, certificate: { ...STATEMENT, [name]: `${value}x` } }, trusted),
      ).toBe(false)
    const forged = signWith(Buffer.alloc(32, 7), STATEMENT)
    expect(isCertified(forged, trusted)).toBe(false)
    expect(isCertified({ ...signed, signature: forged.signature }, trusted)).toBe(false)
  })

  test('is checked by the command line, without a database, by the published keys', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'chatflow-certificate-'))
    const keys = path.join(folder, 'keys.json')
    await writeFile(keys, JSON.stringify({ algorithm: 'Ed25519', keys: trusted }))
    const check = async (name: string, content: object): Promise<[number, unknown]> => {
      const file = path.join(folder, name)
      await writeFile(file, JSON.stringify(content))
      let out = ''
      const streams = {
        stdin: process.stdin,
        stdout: { write: (text: string) => (out += text) },
        stderr: { write: () => '' },
      }
      const code = await runCommand(['deletion', 'verify', file, '--keys', keys], streams)
      return [code, JSON.parse(out)]
    }
    expect(await check('good.json', signed)).toEqual([0, { valid: true }])
    expect(await check('forged.json', signWith(Buffer.alloc(32, 7), STATEMENT))).toEqual([
      1,
      { valid: false },
    ])
    expect(await check('cut.json', { ...signed, certificate: {} })).toEqual([1, { valid: false }])
    expect(await check('other.json', { hello: 'there' })).toEqual([1, { valid: false }])
    await rm(folder, { recursive: true })
  })

  test('is still believed after the master key was changed, while the old one is kept', () => {
    const [old, next] = [1, 2].map((n) => ({ id: `k${n}`, key: Buffer.alloc(32, `key ${n}`) }))
    if (!old || !next) throw new Error('two keys')
    const before = Signed.parse(signCertificate(openVault([old]), STATEMENT))
    const rotated = openVault([next, old])
    expect(isCertified(before, rotated.deriveAll('deletion_certificates').map(publicKeyOf))).toBe(
      true,
    )
  })
})
