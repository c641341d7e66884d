import path from 'node:path'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type {
  AppControllerRoute,
  AppViewRoute,
  BullBoardQueues,
  BullBoardRequest,
  IServerAdapter,
  UIConfig,
} from '@bull-board/api/typings/app'
import express, { Router, type Request, type Response } from 'express'
import { access } from '../http/access.ts'
import type { Resources } from '../resources.ts'
import { ROOT } from '../root.ts'
import { boardFiles, boardPage, type BoardFiles } from './board-page.ts'
import { masked } from './masked-jobs.ts'

const BOARD = '/ops/queues'
const UI = path.join(ROOT, 'node_modules/@bull-board/ui')

/** The store's own numbers, which the board is told not to ask for. */
const UNUSED = '/api/redis/stats'

/** What Bull Board hands over when it is made. */
type Handed = {
  files: BoardFiles
  queues: BullBoardQueues
  config: UIConfig
  entry: AppViewRoute
  api: AppControllerRoute[]
}

/**
 * Bull Board for operators: every job by its state, with its contents masked. Only what reads is mounted, so there is no
 * way to change a queue from here, whatever its page offers. Both back ends.
 */
export function boardRoutes(on: Resources): Router {
  const board = open(on)
  const router = Router()
  for (const at of [board.entry.route].flat())
    router.get(`${BOARD}${at}`.replace(/\/$/, ''), access('ops'), (_req, res) =>
      showEntry(res, board),
    )
  for (const { method, route, handler } of board.api) {
    if (method !== 'get' || route === UNUSED) continue
    for (const at of [route].flat())
      router.get(`${BOARD}${at}`, access('ops'), async (req, res) => {
        const answer = await handler(asked(req, board))
        res.status(answer.status ?? 200).json(answer.body)
      })
  }
  router.get(`${BOARD}/static/*file`, access('ops'), (req, res, next) => {
    req.url = req.url.slice(BOARD.length + '/static'.length)
    statics(req, res, next)
  })
  return router
}

/** The package's own files; the names of its scripts and styles carry a hash. */
const statics = express.static(path.join(UI, 'dist/static'), {
  index: false,
  fallthrough: true,
  setHeaders: (res) => res.setHeader('Cache-Control', 'private, max-age=3600'),
})

function open(on: Resources): Handed {
  const handed: Partial<Handed> = { files: boardFiles(UI, BOARD) }
  createBullBoard({
    queues: on.queues.bare().map(adapt),
    serverAdapter: collector(handed),
    options: {
      uiBasePath: UI,
      uiConfig: {
        boardTitle: 'Jobs',
        hideRedisDetails: true,
        hideDocsLink: true,
        showWorkers: false,
        locale: { lng: 'en-US' },
        miscLinks: [{ text: 'Back to operations', url: '/ops' }],
      },
    },
  })
  return handed as Handed
}

/** Everything the board reads of jobs goes through these, so nothing of a job reaches it unmasked. */
function adapt(queue: ReturnType<Resources['queues']['bare']>[number]): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, { readOnlyMode: true })
  const { getJob, getJobs } = adapter
  return Object.assign(adapter, {
    async getJob(id: string) {
      const job = await getJob.call(adapter, id)
      return job && masked(job)
    },
    getJobs: async (...asked: Parameters<typeof getJobs>) =>
      (await getJobs.apply(adapter, asked)).map(masked),
    getJobLogs: () => Promise.resolve([]),
  })
}

/** Takes what Bull Board would mount by itself, so that each way into it is guarded and named here. */
function collector(handed: Partial<Handed>): IServerAdapter {
  const adapter: IServerAdapter = {
    setQueues: (queues) => take({ queues }),
    setUIConfig: (config) => take({ config }),
    setEntryRoute: (entry) => take({ entry }),
    setApiRoutes: (api) => take({ api }),
    setViewsPath: () => adapter,
    setStaticPath: () => adapter,
    setErrorHandler: () => adapter,
  }
  const take = (part: Partial<Handed>): IServerAdapter => {
    Object.assign(handed, part)
    return adapter
  }
  return adapter
}

const asked = (req: Request, { queues, config }: Handed): BullBoardRequest => ({
  queues,
  uiConfig: config,
  query: req.query,
  params: req.params,
  body: {},
  headers: {},
})

/**
 * The page the board's script fills. It takes its own address from a `base` element, which is the one thing that this
 * path may do beyond the policy of all pages; scripts and styles come from here alone, and nothing is inline.
 */
function showEntry(res: Response, { entry, config, files }: Handed): void {
  const { params } = entry.handler({ basePath: BOARD, uiConfig: config })
  const policy = String(res.getHeader('Content-Security-Policy'))
  res.set('Content-Security-Policy', policy.replace(`base-uri 'none'`, `base-uri 'self'`))
  res.type('html').send(boardPage(BOARD, params['uiConfig'] ?? '{}', files))
}
