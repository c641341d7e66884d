import type { Doorbell } from '../../src/queues.ts'
import { openSender, type Sender } from '../../src/sending/sending.ts'
import { startApp, type Running } from './app.ts'
import { startGraph, type Graph } from './graph.ts'
import { openTalk, type Talk } from './talk.ts'

/** An app without workers, a Graph API, and a sender that works when a test says so. */
export type Desk = {
  readonly app: Running
  readonly graph: Graph
  readonly sender: Sender
  /** A conversation in an organization of its own. */
  talk(wish?: Parameters<typeof openTalk>[2]): Promise<Talk>
  /** One look at the outbox, and every post it started has ended. */
  drained(at: { bell: Doorbell }): Promise<void>
}

/** Opens a desk for the tests of a file, with a fresh sender and no recorded calls for each of them. */
export function useDesk(options: { postTimeoutMs?: number } = {}): Desk {
  let open: { app: Running; graph: Graph } | undefined
  let sender: Sender | undefined
  const part = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the desk is open inside a test only')
    return value
  }
  const desk: Desk = {
    get app() {
      return part(open).app
    },
    get graph() {
      return part(open).graph
    },
    get sender() {
      return part(sender)
    },
    talk: async (wish) => openTalk(desk.app.on, await desk.app.org(), wish),
    async drained({ bell }) {
      await desk.sender.drain(bell)
      await desk.sender.settlePosts(10_000)
      sender = openSender(desk.app.on, options)
    },
  }
  beforeAll(async () => {
    const graph = await startGraph()
    open = { graph, app: await startApp({ workers: false, env: { GRAPH_API_URL: graph.url } }) }
  })
  beforeEach(() => {
    desk.graph.calls.length = 0
    desk.graph.decide(() => 'ok')
    sender = openSender(desk.app.on, options)
  })
  afterEach(() => desk.sender.settlePosts(5_000))
  afterAll(async () => {
    await desk.app.stop()
    await desk.graph.stop()
  })
  return desk
}
