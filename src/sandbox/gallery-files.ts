import { newId } from '../ids.ts'
import type { MessageFile } from '../media/files.ts'
import { isMediaKind } from '../media/kinds.ts'
import type { Message } from '../messages/messages.ts'

type State = Partial<MessageFile> & Pick<MessageFile, 'status'>

/** What can become of a file, one for each sample in their order. */
const STATES: State[] = [
  { status: 'pending' },
  { status: 'pending', attempts: 3, error: 'unreachable' },
  { status: 'expired', error: 'not_there' },
  { status: 'failed', error: 'wrong_hash' },
  { status: 'stored', mime: 'application/pdf', size: 182_044 },
  { status: 'refused', error: 'too_large' },
]

export const withFile = (message: Message, n: number): Message =>
  isMediaKind(message.kind)
    ? { ...message, media: fileOf(message, STATES[n % STATES.length]) }
    : message

const fileOf = ({ kind, created_at }: Message, state: State | undefined): MessageFile => ({
  id: newId(),
  kind: kind as MessageFile['kind'],
  mime: null,
  size: null,
  width: null,
  height: null,
  sha256: null,
  status: 'pending',
  error: null,
  attempts: 0,
  due_at: created_at.toISOString(),
  ...state,
})
