import type { Figure } from './figure.ts'
import { deletionFigures } from './figures-deletion.ts'
import { drillFigures } from './figures-drills.ts'
import { keptFigures } from './figures-kept.ts'
import { promiseFigures } from './figures-promises.ts'
import { rightsFigures } from './figures-rights.ts'
import { securityFigures } from './figures-security.ts'
import { sharingFigures } from './figures-sharing.ts'

/** Every figure of the Trust page and of `privacy selfcheck`, in their order. A new one is one more here. */
export const FIGURES: readonly Figure[] = [
  ...promiseFigures,
  ...securityFigures,
  ...keptFigures,
  ...deletionFigures,
  ...drillFigures,
  ...rightsFigures,
  ...sharingFigures,
]
