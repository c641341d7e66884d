import type { Express } from 'express'
import { findWays, type Way as Found } from '../../src/http/ways.ts'

export type Way = Found

/** Every route that is registered, whoever registered it. */
export const waysInto = (app: Express): Way[] => findWays(app)
