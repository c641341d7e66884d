import { shapeOf } from './shape.ts'

/** A job as Bull Board asks for it; the rest of it is the queue library's own. */
type Job = { toJSON(): JobFields }
/** What of a job may be shown is a field of this; `JobFields` of the library has more. */
type JobFields = {
  data: unknown
  returnvalue: unknown
  progress: unknown
  failedReason: string
  stacktrace: string[] | null
  deferredFailure?: string
  opts: object | null
}

/** The kind and the code of an error, as the workers leave them; anything else may quote data. */
const CODE = /^[A-Za-z0-9_.: -]{0,80}$/
/** How a job is tried, kept and not repeated. Other options could hold whatever somebody puts there. */
const OPTIONS = new Set([
  'attempts',
  'backoff',
  'delay',
  'priority',
  'removeOnComplete',
  'removeOnFail',
  'sizeLimit',
])

/**
 * The same job, telling nothing of what it carries: data and result become the names and sizes of their fields, an
 * error becomes its code, and where it was thrown is left out.
 */
export function masked<J extends Job>(job: J): J {
  const toJSON = (): JobFields => {
    const fields = job.toJSON()
    return {
      ...fields,
      data: shapeOf(fields.data),
      returnvalue: shapeOf(fields.returnvalue),
      progress: typeof fields.progress === 'number' ? fields.progress : 0,
      failedReason: codeOf(fields.failedReason),
      stacktrace: [],
      ...(fields.deferredFailure ? { deferredFailure: codeOf(fields.deferredFailure) } : {}),
      opts: optionsOf(fields.opts),
    }
  }
  return Object.create(job, { toJSON: { value: toJSON } }) as J
}

const codeOf = (reason: string | undefined): string =>
  CODE.test(reason ?? '') ? (reason ?? '') : 'masked'

const optionsOf = (given: object | null): object =>
  Object.fromEntries(Object.entries(given ?? {}).filter(([name]) => OPTIONS.has(name)))
