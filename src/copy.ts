import { once } from 'node:events'
import type pg from 'pg'

/** What the driver's connection can do beyond its declared types while a COPY goes on. */
type Wire = pg.Connection & {
  sendCopyFromChunk(bytes: Buffer): void
  endCopyFrom(): void
  sendCopyFail(reason: string): void
}

/** More than this waits in memory before the server is asked to wait. */
const HIGH_BYTES = 1_048_576

/** The rows of a `copy … to stdout` as they come, a megabyte or so in memory, and how many they were; throws what the server refuses. */
export async function* copyOut(client: pg.ClientBase, sql: string): AsyncGenerator<Buffer, number> {
  let waiting: Buffer[] = []
  let [bytes, isOver] = [0, false]
  let wake = (): void => undefined
  const query = drive(sql, () => {
    isOver = true
    wake()
  })
  client.query({
    ...query.handlers,
    handleCopyData({ chunk }: { chunk: Buffer }) {
      // The driver uses its buffer again.
      waiting.push(Buffer.from(chunk))
      bytes += chunk.length
      if (bytes > HIGH_BYTES) query.wire()?.stream.pause()
      wake()
    },
  })
  for (;;) {
    if (bytes > 0) {
      const chunk = Buffer.concat(waiting)
      waiting = []
      bytes = 0
      query.wire()?.stream.resume()
      yield chunk
    } else if (isOver) {
      return query.ended
    } else await new Promise<void>((resolve) => (wake = resolve))
  }
}

/** Feeds a `copy … from stdin`; throws what the server refuses, in whose words values of a row may stand. */
export async function copyIn(
  client: pg.ClientBase,
  sql: string,
  chunks: AsyncIterable<Buffer>,
): Promise<void> {
  let begin = (): void => undefined
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const query = drive(sql, () => begin())
  client.query({ ...query.handlers, handleCopyInResponse: () => begin() })
  await begun
  const wire = query.wire()
  try {
    for await (const chunk of chunks) {
      if (query.isOver()) break
      wire?.sendCopyFromChunk(chunk)
      if (wire?.stream.writableNeedDrain)
        await Promise.race([once(wire.stream, 'drain'), query.settled])
    }
  } catch (error) {
    wire?.sendCopyFail('given up')
    await query.settled
    throw error
  }
  if (!query.isOver()) wire?.endCopyFrom()
  await query.ended
}

type Driven = {
  handlers: pg.Submittable
  /** The connection, from the moment the driver begins. */
  wire(): Wire | undefined
  isOver(): boolean
  /** How many rows; rejects with what the server refused. */
  ended: Promise<number>
  settled: Promise<void>
}

/** A query as the driver drives it: it calls these handlers by their names. */
function drive(sql: string, over: () => void): Driven {
  let wire: Wire | undefined
  let [refusal, done, count] = [undefined as Error | undefined, false, 0]
  let settle = (): void => undefined
  const settled = new Promise<void>((resolve) => (settle = resolve))
  const end = (): void => {
    done = true
    settle()
    over()
  }
  const handlers = {
    submit(connection: pg.Connection) {
      wire = connection as Wire
      connection.query(sql)
    },
    handleError(error: Error) {
      refusal = error
      wire?.stream.resume()
      end()
    },
    handleReadyForQuery: end,
    handleCommandComplete({ text }: { text: string }) {
      count = Number(text.split(' ').at(-1))
    },
  }
  const ended = settled.then(() => {
    if (refusal) throw refusal
    return count
  })
  // Whoever reads or writes hears of it when they come to the end.
  ended.catch(() => undefined)
  return { handlers, wire: () => wire, isOver: () => done, ended, settled }
}
