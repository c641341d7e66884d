/** The operator's word on the disks: who runs them, how they are encrypted, and on which day that was looked at. */
export type Attestation = { provider: string; method: string; on: string }

const FORM = /^\s*([^;\r\n]{1,100}?)\s*;\s*([^;\r\n]{1,200}?)\s*;\s*(\d{4}-\d{2}-\d{2})\s*$/

/** Reads `provider; method; YYYY-MM-DD`; undefined for anything else. */
export function readAttestation(text: string): Attestation | undefined {
  const [, provider = '', method = '', on = ''] = FORM.exec(text) ?? []
  const day = new Date(`${on}T00:00:00Z`)
  const isDay = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(on)
  return isDay ? { provider, method, on } : undefined
}
