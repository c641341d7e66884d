/** Our own limits; `bodies` and `bytes` bound one job, `flights` the enqueues under way at once. */
export type BatchLimits = { bodies: number; bytes: number; flights: number; deadlineMs: number }

/** Bytes on their way into the queue, with whatever the enqueue needs to know of them. */
export type Item = { bytes: { length: number } }
/** Puts items into the queue as one job; answers which it left out, and why. */
export type Enqueue<T extends Item> = (items: T[]) => Promise<ReadonlyMap<T, Error>>

export type Batch<T extends Item> = {
  /** Resolves when the queue has confirmed the item; rejects when it refused or did not confirm in time. */
  add(item: T): Promise<void>
}

type Waiting<T> = {
  item: T
  resolve: () => void
  reject: (error: Error) => void
  timer: NodeJS.Timeout
  /** When it is answered at the latest, by the process clock. */
  until: number
}

const LIMITS: BatchLimits = { bodies: 64, bytes: 4 * 1_048_576, flights: 2, deadlineMs: 1_500 }

/** The queue did not confirm in time: not known whether the body is in it, so the sender must send again. */
export class NotConfirmed extends Error {}

/**
 * Group commit without a timer: an enqueue goes out at once when none is under way, and what arrives
 * meanwhile shares the next one as one job. A second flight starts only for a full job, so that a
 * slow queue makes jobs bigger instead of more.
 *
 * The deadline is ours, because a producer built while the queue is away waits for ever. A failed
 * flight rejects everybody in it, even though some may be stored: the copies are harmless.
 */
export function openBatch<T extends Item>(
  enqueue: Enqueue<T>,
  limits: BatchLimits = LIMITS,
): Batch<T> {
  let waiting: Waiting<T>[] = []
  let flights = 0

  const fly = (): void => {
    // Too late to be confirmed: sent now it would only hold up those behind it.
    const worthwhile = performance.now() + limits.deadlineMs / 20
    waiting = waiting.filter(({ until }) => until > worthwhile)
    while (waiting.length > 0 && flights < (isFull(waiting, limits) ? limits.flights : 1)) {
      const crew = board(waiting, limits)
      waiting = waiting.slice(crew.length)
      flights += 1
      void send(enqueue, crew).finally(() => {
        flights -= 1
        fly()
      })
    }
  }
  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        const late = (): void => {
          waiting = waiting.filter((other) => other !== mine)
          reject(new NotConfirmed())
        }
        const timer = setTimeout(late, limits.deadlineMs)
        const until = performance.now() + limits.deadlineMs
        const mine = { item, resolve, reject, timer, until }
        waiting.push(mine)
        if (flights === 0 || isFull(waiting, limits)) fly()
      }),
  }
}

const isFull = <T extends Item>(waiting: Waiting<T>[], limits: BatchLimits): boolean =>
  waiting.length >= limits.bodies || board(waiting, limits).length < waiting.length

/** As many as fit in one job, in the order they came; always at least one. */
function board<T extends Item>(waiting: Waiting<T>[], limits: BatchLimits): Waiting<T>[] {
  let bytes = 0
  const beyond = waiting.findIndex(({ item }, n) => {
    bytes += item.bytes.length
    return n >= limits.bodies || (n > 0 && bytes > limits.bytes)
  })
  return beyond === -1 ? waiting : waiting.slice(0, beyond)
}

/** Ends when the queue answered or everybody in it has been answered, so that a queue that hangs frees its place. */
async function send<T extends Item>(enqueue: Enqueue<T>, crew: Waiting<T>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const end = Math.max(...crew.map(({ until }) => until))
    timer = setTimeout(() => reject(new NotConfirmed()), end - performance.now())
  })
  const items = crew.map(({ item }) => item)
  const leftOut: ReadonlyMap<T, Error> = await Promise.race([enqueue(items), late]).catch(
    (error: Error) => new Map(items.map((item) => [item, error])),
  )
  clearTimeout(timer)
  for (const one of crew) {
    clearTimeout(one.timer)
    const error = leftOut.get(one.item)
    if (error) one.reject(error)
    else one.resolve()
  }
}
