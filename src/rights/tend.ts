import type { Resources } from '../resources.ts'
import { raiseRequestAlarms } from './alarms.ts'
import { answerKeywords } from './answering.ts'
import { beginConfirmed, closeDeleted } from './erase.ts'

/**
 * Everything that requests wait for besides people: approved answers to keywords, deletions that were confirmed or are
 * done, and alarms. Asked of the same moment again it does nothing more. Answers the ids of requests that are nearly due.
 */
export async function tendRequests(on: Resources, now: Date): Promise<string[]> {
  await answerKeywords(on)
  await beginConfirmed(on)
  await closeDeleted(on)
  return raiseRequestAlarms(on, now)
}
