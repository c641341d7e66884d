import Sequencer from '@jest/test-sequencer'

const LONG = ['/drills/', '/browser/', 'embedded', 'cli.test', 'sending-queue']

/** @param {string} path */
const placeOf = (path) => {
  const place = LONG.findIndex((part) => path.includes(part))
  return place === -1 ? LONG.length : place
}

/** The longest files first: begun last, one of them alone would keep the second core waiting. */
export default class LongestFirst extends Sequencer {
  /** @param {import('@jest/test-result').Test[]} tests */
  sort(tests) {
    return tests.toSorted(
      (a, b) => placeOf(a.path) - placeOf(b.path) || a.path.localeCompare(b.path),
    )
  }
}
