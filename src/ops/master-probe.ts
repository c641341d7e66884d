import { ConfigError } from '../config.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { open, seal, SealError, type SealingKey } from '../vault.ts'

type Probe = { kid: string; probe: string | null }
type Wrapping = { wrapped_by: string; n: number; org_id: string; kid: string; wrapped: string }

const WORD = 'this is the key'
const AGAIN_MS = 5_000
const placeOf = (kid: string) => ({ purpose: 'master_keys|probe', org: 'instance', row: kid })

/**
 * The master keys are those this installation was sealed with, or newer ones beside them: each opens the probe that it
 * left, and none is missing that still wraps a data key. A key seen for the first time leaves its probe.
 * Throws ConfigError otherwise, naming the key and never its bytes. Source: promise P27.
 */
export async function checkMasterKeys(on: Resources): Promise<void> {
  const { probes, wrapping } = await on.db.withSystem(async (tx) => ({
    probes: await rows<Probe>(tx, 'select kid, probe from master_keys'),
    wrapping: await rows<Wrapping>(tx, 'select * from wrapping_keys()'),
  }))
  for (const { wrapped_by: kid, n, ...sample } of wrapping) {
    const isGiven = on.vault.instance.some(({ id }) => id === kid)
    if (!isGiven)
      throw new ConfigError(
        `CHATFLOW_MASTER_KEY lacks ${kid}, which still wraps ${n} data keys: put it behind the first, e.g. CHATFLOW_MASTER_KEY=new:…,${kid}:…`,
      )
    if (!opens(() => on.vault.unwrap(sample.org_id, sample.kid, sample.wrapped))) throw other(kid)
  }
  for (const key of on.vault.instance) {
    const probe = probes.find(({ kid }) => kid === key.id)?.probe
    if (!probe) await leaveProbe(on, key)
    else if (!opens(() => open([key], placeOf(key.id), probe))) throw other(key.id)
  }
}

/**
 * As `checkMasterKeys` before anything is served; while the database is away it is asked again, and `fail` told when the
 * keys turn out wrong.
 */
export async function guardMasterKeys(
  on: Resources,
  fail: (reason: string) => void,
): Promise<() => void> {
  const isChecked = (): Promise<boolean> =>
    checkMasterKeys(on).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ConfigError) throw error
        on.log.warn({ err: error }, 'master keys not checked yet')
        return false
      },
    )
  if (await isChecked()) return () => undefined
  const timer = setInterval(() => {
    isChecked().then(
      (done) => (done ? clearInterval(timer) : undefined),
      (error: Error) => fail(error.message),
    )
  }, AGAIN_MS)
  return () => clearInterval(timer)
}

const other = (kid: string): ConfigError =>
  new ConfigError(
    `CHATFLOW_MASTER_KEY: ${kid} is not the key of this name that this installation was sealed with; give that one, or another name to a new key, e.g. CHATFLOW_MASTER_KEY=new:…,${kid}:…`,
  )

function opens(run: () => unknown): boolean {
  try {
    run()
    return true
  } catch (error) {
    if (error instanceof SealError) return false
    throw error
  }
}

async function leaveProbe(on: Resources, key: SealingKey): Promise<void> {
  await key.uses?.more()
  const probe = seal(key, placeOf(key.id), WORD)
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `insert into master_keys as m (kid, probe, first_at) values (?, ?, ?)
       on conflict (kid) do update set probe = excluded.probe where m.probe is null`,
      [key.id, probe, on.now()],
    ),
  )
}
