import { Router, type Request, type Response } from 'express'
import { access, whoOf } from '../http/access.ts'
import { sendMedia } from '../http/media-file.ts'
import { takeUpload } from '../http/media-upload.ts'
import { wantsFragment } from '../http/page.ts'
import { idIn } from '../http/viewer.ts'
import type { Resources } from '../resources.ts'
import { tryAgain } from './fetching.ts'
import { dropUpload, noFile } from './uploading.ts'

type Params = { id: string }

/** Files of messages for people who are signed in, and the button that fetches one now. */
export function mediaRoutes(on: Resources): Router {
  const router = Router()
  router.get<Params>('/media/:id', access('agent'), async (req, res) => {
    const id = idIn(req.params.id, 'file')
    await sendMedia(on, { req, res }, { org: whoOf(req).org, id, isSaved: 'save' in req.query })
  })
  router.post('/media', access('agent'), async (req, res) => {
    const { org, user } = whoOf(req)
    const { file } = await takeUpload(on, req, { org, user })
    if (!file) throw noFile()
    res.status(201).json(file)
  })
  router.post<Params>('/media/:id/removal', access('agent'), async (req, res) => {
    const { org, user } = whoOf(req)
    await dropUpload(on, { org, user }, idIn(req.params.id, 'file'))
    res.status(204).end()
  })
  router.post<Params>('/media/:id/fetching', access('agent'), async (req, res) => {
    const id = idIn(req.params.id, 'file')
    const conversation = await tryAgain(on, { org: whoOf(req).org, id })
    answer(req, res, conversation)
  })
  return router
}

/** The page hears of the file by its stream. */
function answer(req: Request<Params>, res: Response, conversation: string): void {
  if (wantsFragment(req)) res.status(204).end()
  else res.redirect(303, `/inbox/${conversation}`)
}
