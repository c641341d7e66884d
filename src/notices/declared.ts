import { pathsOf } from '../messages/declared.ts'
import { SHAPES } from './shapes.ts'

/** Every path that a notice's payload may hold. Source: privacy promise P7, "only declared WhatsApp data is taken in". */
export const noticePaths = (): string[] =>
  [...new Set(Object.values(SHAPES).flatMap((shape) => pathsOf(shape, '')))].toSorted()
