import type { Readable } from 'node:stream'
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import type { Request } from 'express'
import { SENDABLE } from '../media/kinds.ts'
import { keepUpload, type Giver, type Uploaded } from '../media/uploading.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

const LIMITS = {
  files: 1,
  // One byte more than may come, so that too much is told from just enough.
  fileSize: SENDABLE.document.most + 1,
  fields: 10,
  fieldSize: 20_000,
  parts: 12,
  headerPairs: 20,
}

export type Uploading = { file: Uploaded | undefined; fields: Record<string, string> }

/**
 * Take a form with one file, which goes sealed to its place as it comes, and with a few short fields. Throws Refusal 415 for
 * another type, 400 for a form that does not parse, and what `keepUpload` throws.
 */
export async function takeUpload(on: Resources, req: Request, by: Giver): Promise<Uploading> {
  if (!req.is('multipart/form-data'))
    throw new Refusal(415, 'not_multipart', 'Send the file as multipart/form-data.')
  const fields: Record<string, string> = {}
  let keeping: Promise<Uploaded> | undefined
  let coming: Readable | undefined
  const parser = open(req)
  parser.on('field', (name, value) => void (fields[name] = value))
  const ended = new Promise<void>((resolve, reject) => {
    parser.on('file', (...[, stream, name, , declared]) => {
      // A field in which nothing was chosen comes as a file without a name.
      if (name === '') return void stream.resume()
      coming = stream.on('error', () => undefined)
      keeping = keepUpload(on, by, { name, declared, bytes: stream })
      // Whoever waits for the end hears of it at once.
      return void keeping.catch(reject)
    })
    parser.on('finish', resolve)
    parser.on('error', () => reject(badForm()))
    req.on('aborted', () => reject(badForm()))
  })
  req.pipe(parser)
  try {
    await ended
    return { file: await keeping, fields }
  } catch (error) {
    // What still comes is read and forgotten, so that the answer is heard.
    req.unpipe(parser)
    req.resume()
    parser.destroy()
    coming?.destroy(badForm())
    await keeping?.catch(() => undefined)
    throw error
  }
}

const badForm = (): Refusal =>
  new Refusal(400, 'bad_form', 'The form could not be read. Try again.')

function open(req: Request): BusboyInstance {
  try {
    return new Busboy({ headers: req.headers as BusboyHeaders, limits: LIMITS })
  } catch {
    throw badForm()
  }
}
