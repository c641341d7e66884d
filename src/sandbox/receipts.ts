import { tell } from './delivery.ts'
import type { Entry, Line, Person, Sandbox } from './state.ts'
import { statusWebhook } from './wire-format.ts'

/** How long a message takes for each step; short enough to watch, long enough to see each tick. */
const PAUSE_MS: Record<string, number> = { sent: 60, delivered: 200, read: 500 }

/**
 * Let the business's messages on a phone take their next step, each with its webhook: sent always, delivered when
 * the phone is online, read when its chat is open and the customer tells of reading. Called whenever one of these changes.
 */
export function moveOn(box: Sandbox, line: Line, person: Person): void {
  for (const entry of person.chat) {
    const step = nextStep(box, person, entry)
    const key = `step ${entry.id}`
    if (step === undefined || box.isPending(key)) continue
    box.later(key, PAUSE_MS[step] ?? 0, () => {
      // The phone may have gone offline, or the chat may have been closed, in between.
      if (nextStep(box, person, entry) !== step) return
      entry.status = step
      const webhook = statusWebhook(line, person, entry, box.on.now().getTime())
      tell(box, line, { webhook, about: `statuses · ${step}`, receipt: true })
      moveOn(box, line, person)
    })
  }
}

function nextStep(box: Sandbox, person: Person, entry: Entry): Entry['status'] | undefined {
  if (entry.side === 'customer') return undefined
  if (entry.status === 'waiting') return 'sent'
  // Meta reports nothing of a reaction beyond sent.
  if (!person.online || entry.kind === 'reaction') return undefined
  if (entry.status === 'sent') return 'delivered'
  const isSeen = box.isWatched(person.id) || entry.at <= person.seenAt
  return entry.status === 'delivered' && isSeen && person.receipts ? 'read' : undefined
}
