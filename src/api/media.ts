import { z } from 'zod'
import { call, type Call } from './calls.ts'

export const mediaCalls: Call[] = [
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
