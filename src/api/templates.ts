import { z } from 'zod'
import { listTemplates, type Place, type Template } from '../templates/templates.ts'
import { call, type Call } from './calls.ts'
import { Page, page } from './paging.ts'
import { iso, maybeTime, named } from './shapes.ts'

const TemplateShape = named(
  'Template',
  z.object({
    id: z.uuid(),
    waba_id: z.string(),
    meta_id: z.string().nullable(),
    name: z.string(),
    language: z.string(),
    status: z.string().nullable(),
    reason: z.string().nullable(),
    category: z.string().nullable(),
    quality: z.string().nullable(),
    parameter_format: z.string().nullable(),
    components: z.array(z.looseObject({})).nullable(),
    synced_at: maybeTime,
    gone_at: maybeTime,
  }),
)

const showTemplate = (t: Template): z.input<typeof TemplateShape> => ({
  id: t.id,
  waba_id: t.waba_id,
  meta_id: t.graph_id,
  name: t.name,
  language: t.language,
  status: t.status,
  reason: t.reason,
  category: t.category,
  quality: t.quality,
  parameter_format: t.parameter_format,
  components: t.components,
  synced_at: iso(t.synced_at),
  gone_at: iso(t.gone_at),
})

const word = z.string().max(40)

export const templateCalls: Call[] = [
  call({
    method: 'get',
    path: '/templates',
    title: 'List the message templates by name and language, as Meta last gave them',
    query: z.strictObject({
      ...Page,
      status: word.optional().meta({ description: 'Meta’s word, such as `APPROVED`.' }),
      language: word.optional(),
      category: word.optional(),
    }),
    answer: TemplateShape,
    isList: true,
    run: ({ on, org, list, query }) =>
      page<Template, Place>(
        { on, list, query },
        {
          read: (after, limit) => {
            const { status, language, category } = query
            const wanted = { status: status?.toUpperCase(), language, category, after, limit }
            return on.db.withTenant(org, (tx) => listTemplates(tx, org, wanted))
          },
          place: (row) => [row.name, row.language, row.id],
          show: showTemplate,
        },
      ),
  }),
]
