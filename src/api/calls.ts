import type { z } from 'zod'
import type { Resources } from '../resources.ts'

/** What a call is asked: everything is checked already. */
export type Ask<Query, Body> = {
  on: Resources
  org: string
  /** The id in the address; '' where there is none. */
  id: string
  query: Query
  body: Body
  /** Of the key that asks. */
  key: string
  /** For cursors: organization, path and filters. */
  list: string
  /** The same for each repetition of one write; undefined without an Idempotency-Key. */
  token: string | undefined
}

/** One call of the API: the route, its check and its description come from here. */
export type Call = {
  method: 'get' | 'post' | 'patch' | 'delete'
  path: string
  title: string
  query: z.ZodType
  body?: z.ZodType
  answer: z.ZodType
  /** It takes a form with a file, which is in the `body` when `run` is called: what was kept of it. */
  upload?: true
  /** The type of an answer that is a file: then `run` resolves with a `Download`, or with the id of a file of a message, `{ media }`. */
  file?: string
  isList: boolean
  status: number
  run(ask: Ask<never, never>): Promise<unknown>
}

/** Writes a file's bytes, once its name was sent. */
export type Download = {
  name: string
  write(sink: (bytes: Buffer) => Promise<void>): Promise<void>
}

type Draft<Q extends z.ZodType, B extends z.ZodType> = {
  method: Call['method']
  path: string
  title: string
  query: Q
  body?: B
  answer: z.ZodType
  file?: string
  upload?: true
  isList?: boolean
  status?: number
  run(ask: Ask<z.infer<Q>, z.infer<B>>): Promise<unknown>
}

/** Ties the types of a call's query and body to what it runs. */
export const call = <Q extends z.ZodType, B extends z.ZodType>(draft: Draft<Q, B>): Call => ({
  isList: false,
  status: 200,
  ...draft,
})

export const scopeOf = (method: string): 'read' | 'write' => (method === 'get' ? 'read' : 'write')
