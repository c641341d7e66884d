import { setTimeout as pause } from 'node:timers/promises'
import { underLock } from '../advisory-lock.ts'
import type { Resources } from '../resources.ts'

const LOCK = 1_128_679_004
const LOOK_EVERY_MS = 100

/** Runs while this process alone changes keys: another one waits until it is done. */
export const oneAtATime = <T>(on: Resources, run: () => Promise<T>): Promise<T> =>
  underLock(on, LOCK, {
    async enter(take) {
      for (let isFirst = true; !(await take()); isFirst = false) {
        if (isFirst) on.log.info('waiting for another change of keys')
        await pause(LOOK_EVERY_MS)
      }
    },
    run,
  })
