import { z } from 'zod'
import { MEDIA_KINDS } from '../media/kinds.ts'
import { noFile, type Uploaded } from '../media/uploading.ts'
import { call, type Call } from './calls.ts'
import { named } from './shapes.ts'

const UploadShape = named(
  'Upload',
  z.object({
    id: z.uuid(),
    kind: z.enum(MEDIA_KINDS).meta({ description: 'What it is best sent as.' }),
    mime: z.string().meta({ description: 'What its bytes are.' }),
    name: z.string(),
    size: z.number().meta({ description: 'In bytes.' }),
    sha256: z.string().meta({ description: 'In hex.' }),
  }),
)

export const mediaCalls: Call[] = [
  call({
    method: 'post',
    path: '/media',
    title: 'Upload a file, to be sent by its id within 30 days',
    query: z.strictObject({}),
    answer: UploadShape,
    upload: true,
    status: 201,
    run: ({ body }) => {
      if (body === undefined) throw noFile()
      return Promise.resolve(body as unknown as Uploaded)
    },
  }),
  call({
    method: 'get',
    path: '/media/:id',
    title: 'Download the file of a message',
    query: z.strictObject({}),
    answer: z.unknown(),
    file: 'application/octet-stream',
    run: ({ id }) => Promise.resolve({ media: id }),
  }),
]
