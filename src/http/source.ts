import type { Request } from 'express'
import type { Source } from '../audit/audit.ts'

/** Where a request came from, for the audit log. */
export const sourceOf = (req: Request): Source => ({ ip: req.ip ?? '', request: req.id })
