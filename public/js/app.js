import { keepBadge } from './badge.js'
import { keepClock } from './clock.js'
import { keepAttachments } from './attach.js'
import { keepComposer } from './composer.js'
import { keepDrafts } from './drafts.js'
import { keepKeys } from './keys.js'
import { keepList } from './list.js'
import { keepPicker } from './picker.js'
import { keepReveal } from './reveal.js'
import { keepStream } from './stream.js'
import { keepTheme } from './theme.js'
import { keepThread } from './thread.js'

// Each listens at the document, so that a part of the page may be replaced without telling anyone.
for (const keep of [
  keepTheme,
  keepBadge,
  keepList,
  keepThread,
  keepComposer,
  keepAttachments,
  keepDrafts,
  keepClock,
  keepKeys,
  keepPicker,
  keepReveal,
  keepStream,
]) {
  keep()
}
