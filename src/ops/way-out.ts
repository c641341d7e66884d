import type { Resources } from '../resources.ts'
import type { Topic } from './letter-kinds.ts'
import { readSignedId, signId } from './signed-id.ts'

/**
 * The link under an optional letter. It says who refuses and what, and nothing else can be done with it: it is made from
 * the person and the topic alone, so it outlives a change of address, and ends when there is no such person.
 */
export const wayOut = (on: Resources, user: string, topic: Topic): string =>
  `${on.config.APP_URL}/unsubscribe/${topic}/${signId(on, ['unsubscribe', topic], user)}`

/** Whose link this is; undefined when it was not made here, or for another topic. */
export const readWayOut = (on: Resources, topic: Topic, token: string): string | undefined =>
  readSignedId(on, ['unsubscribe', topic], token)
