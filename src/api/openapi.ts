import { z } from 'zod'
import { scopeOf, type Call } from './calls.ts'
import { shapes } from './shapes.ts'

type Json = { [name: string]: unknown }
type Schema = Json & { properties?: Record<string, Json>; required?: string[] }

const ABOUT = [
  'Lists answer `data` and `next_cursor`; times are ISO 8601 in UTC; errors are problem documents (RFC 9457).',
  'Writes take an `Idempotency-Key`: the same key with the same body is done once and answered alike for 24 hours.',
].join(' ')

/** The description of the calls as OpenAPI 3.1, from the very schemas that check them. */
export function describeApi(calls: Call[], appUrl: string): Json {
  const paths: Record<string, Json> = {}
  for (const each of calls) {
    const path = each.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [each.method]: operation(each, path) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'ChatFlow CRM API', version: '1', description: ABOUT },
    servers: [{ url: `${appUrl}/api/v1` }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { ...namedSchemas(), Problem: PROBLEM },
    },
  }
}

function operation(each: Call, path: string): Json {
  return {
    operationId: `${each.method}${path.replaceAll(/[/{}]+(\w?)/g, (_, c: string) => c.toUpperCase())}`,
    summary: each.title,
    'x-scope': scopeOf(each.method),
    parameters: [...pathParameters(path), ...queryParameters(each), ...headerParameters(each)],
    ...(each.upload ? { requestBody: { required: true, content: FORM } } : {}),
    ...(each.body
      ? {
          requestBody: { required: true, content: content('application/json', inputOf(each.body)) },
        }
      : {}),
    responses: {
      [each.status]: { description: 'Done', content: contentOf(each) },
      default: {
        description: 'A refusal, with the reason',
        content: content('application/problem+json', ref('Problem')),
      },
    },
  }
}

const FORM: Json = {
  'multipart/form-data': {
    schema: {
      type: 'object',
      required: ['file'],
      properties: { file: { type: 'string', format: 'binary' } },
    },
  },
}

const contentOf = (each: Call): Json =>
  each.file
    ? content(each.file, { type: 'string', format: 'binary' })
    : content('application/json', answerOf(each))

const content = (type: string, schema: Json): Json => ({ [type]: { schema } })
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

function answerOf(each: Call): Json {
  const one = ref(shapes.get(each.answer)?.id ?? '')
  if (!each.isList) return one
  return {
    type: 'object',
    required: ['data', 'next_cursor'],
    properties: {
      data: { type: 'array', items: one },
      next_cursor: { type: ['string', 'null'] },
    },
  }
}

const pathParameters = (path: string): Json[] =>
  path.includes('{id}')
    ? [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }]
    : []

function queryParameters(each: Call): Json[] {
  const { properties = {}, required = [] } = inputOf(each.query)
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

const headerParameters = (each: Call): Json[] =>
  each.body
    ? [{ name: 'Idempotency-Key', in: 'header', schema: { type: 'string', maxLength: 255 } }]
    : []

function inputOf(schema: z.ZodType): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest as Schema
}

function namedSchemas(): Json {
  const made = z.toJSONSchema(shapes, { uri: (id) => `#/components/schemas/${id}` })
  return Object.fromEntries(
    Object.entries(made.schemas).map(([id, { $id: _i, $schema: _s, ...rest }]) => [id, rest]),
  )
}

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { field: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
}
