import type { Resources } from '../resources.ts'
import { open, seal, SealError, type Place } from '../vault.ts'

const placeOf = (row: string): Place => ({ purpose: 'second_factors|secret', org: 'instance', row })

/** A person may belong to any number of organizations: the installation's key seals the secret of their app. */
export function sealFactor(on: Resources, id: string, secret: Buffer): string {
  const [key] = on.vault.instance
  if (!key) throw new SealError()
  return seal(key, placeOf(id), secret)
}

/** Opens what `sealFactor` made; throws SealError. */
export const openFactor = (on: Resources, id: string, envelope: string): Buffer =>
  open(on.vault.instance, placeOf(id), envelope)
